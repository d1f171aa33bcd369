#include "core/app/top/facts.hpp"

#include <algorithm>
#include <ctime>

namespace sentinel::top {
namespace {

std::string local_time(std::chrono::system_clock::time_point now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  if (localtime_r(&seconds, &parts) == nullptr) return {};
  std::array<char, 32> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts)};
}

std::optional<std::uint64_t> uptime(const Result<procfs::Stat>& stat, std::chrono::system_clock::time_point now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  if (!stat || seconds < 0 || static_cast<std::uint64_t>(seconds) < stat->boot_time_seconds) return std::nullopt;
  return static_cast<std::uint64_t>(seconds) - stat->boot_time_seconds;
}

template <class T>
bool missing(const Result<T>& part) {
  return !part && part.error().code == Errc::not_found;
}

}  // namespace

Result<FactsReader> FactsReader::open(std::string procfs) {
  auto root = procfs::Root::open(std::move(procfs));
  if (!root) return root.error();
  return FactsReader(*std::move(root));
}

template <class T, class Parse>
Result<T> FactsReader::read_file(std::string_view file, Parse parse) {
  const auto text = root_.read(file, buffer_);
  if (!text) return text.error();
  Result<T> parsed = parse(*text);
  if (!parsed) return parsed.error().in(root_.full_path(file));
  return parsed;
}

Result<Facts> FactsReader::read(std::chrono::system_clock::time_point now) {
  Facts facts;
  facts.taken_at = std::chrono::steady_clock::now();
  facts.time_of_day = local_time(now);
  facts.stat = read_file<procfs::Stat>("stat", [](std::string_view text) -> Result<procfs::Stat> {
    procfs::Stat stat;
    if (const auto parsed = procfs::parse_stat(text, stat); !parsed) return parsed.error();
    return stat;
  });
  facts.meminfo = read_file<procfs::MemInfo>("meminfo", [](std::string_view text) -> Result<procfs::MemInfo> {
    procfs::MemInfo meminfo;
    if (const auto parsed = procfs::parse_meminfo(text, meminfo); !parsed) return parsed.error();
    return meminfo;
  });
  facts.loadavg = read_file<procfs::LoadAvg>("loadavg", procfs::parse_loadavg);
  if (missing(facts.stat) && missing(facts.meminfo) && missing(facts.loadavg)) {
    return Error{Errc::not_found,
                 root_.path() + " is no proc(5): stat, meminfo and loadavg are missing; name a mounted one"};
  }
  facts.uptime_seconds = uptime(facts.stat, now);
  for (std::size_t i = 0; i < pressure_names.size(); ++i) {
    facts.pressure[i] =
        read_file<procfs::Pressure>("pressure/" + std::string(pressure_names[i]), procfs::parse_pressure);
  }
  facts.tcp = read_tcp();
  facts.processes = read_processes();
  if (const auto host = root_.read("sys/kernel/hostname", buffer_)) facts.host = host->substr(0, host->find('\n'));
  return facts;
}

Result<TcpFacts> FactsReader::read_tcp() {
  const auto ipv4 = read_file<procfs::TcpStateCounts>("net/tcp", procfs::count_tcp_states);
  if (!ipv4) return ipv4.error();
  const auto ipv6 = read_file<procfs::TcpStateCounts>("net/tcp6", procfs::count_tcp_states);
  if (!ipv6 && !is_absent(ipv6.error())) return ipv6.error();
  TcpFacts facts{*ipv4, std::nullopt};
  if (ipv6) facts.ipv6 = *ipv6;
  return facts;
}

Result<ProcessFacts> FactsReader::read_processes() {
  ProcessFacts facts;
  zombies_.clear();
  const auto walked = walker_.walk(root_, [&](const procfs::PidStat& stat) {
    ++facts.states[static_cast<std::size_t>(stat.state)];
    facts.threads += stat.threads;
    if (stat.state == procfs::ProcessState::zombie) zombies_.push_back(stat.ppid);
  });
  if (!walked) return walked.error();
  if (walked->seen == 0) return Error{Errc::no_data, root_.path() + " lists no process"};
  facts.walked = *walked;
  find_parents(facts);
  return facts;
}

void FactsReader::find_parents(ProcessFacts& facts) {
  auto& parents = facts.zombie_parents;
  std::sort(zombies_.begin(), zombies_.end());
  for (const auto pid : zombies_) {
    if (parents.empty() || parents.back().pid != pid) parents.push_back({pid, {}, 0});
    ++parents.back().zombies;
  }
  std::stable_sort(parents.begin(), parents.end(), [](const auto& a, const auto& b) { return a.zombies > b.zombies; });
  if (parents.size() > most_zombie_parents) {
    facts.more_zombie_parents = parents.size() - most_zombie_parents;
    parents.resize(most_zombie_parents);
  }
  for (auto& parent : parents) {
    const auto text = root_.read(std::to_string(parent.pid) + "/stat", buffer_);
    procfs::PidStat stat;
    if (text && procfs::try_parse_pid_stat(*text, stat)) parent.comm = stat.comm;
  }
}

}  // namespace sentinel::top
