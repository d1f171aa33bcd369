// Tables of evidence, and what is asked of the disposable helper.
#include <algorithm>
#include <cstring>
#include <sentinel/procfs/mountinfo.hpp>
#include <system_error>

#include "sinks/webhook_snapshot/items.hpp"
#include "sinks/webhook_snapshot/mask.hpp"
#include "sinks/webhook_snapshot/take.hpp"
#include "sinks/webhook_snapshot/text.hpp"

namespace snapshot {

using namespace sentinel::procfs;
using sentinel::Errc;
using sentinel::Error;
using sentinel::Result;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t most_mounts = 24;
constexpr std::size_t most_cmdlines = 24;
constexpr std::size_t longest_cmdline = std::size_t{16} << 10U;

/// File systems that hold nothing of anyone's, so that being full means nothing.
bool is_pseudo(std::string_view type) {
  for (const auto* name :
       {"proc",       "sysfs",    "cgroup",     "cgroup2",   "devpts",   "mqueue",    "debugfs", "tracefs",
        "securityfs", "pstore",   "bpf",        "configfs",  "fusectl",  "hugetlbfs", "autofs",  "binfmt_misc",
        "nsfs",       "efivarfs", "rpc_pipefs", "selinuxfs", "devtmpfs", "squashfs",  "overlay"}) {
    // The root itself may be an overlay, in a container.
    if (type == name) return true;
  }
  return false;
}

std::string failure(const Answer& answer, std::string_view problem) {
  switch (answer.state) {
    case Answer::State::hung:
      return "did not answer in time; whoever was asked was left behind";
    case Answer::State::failed:
      return std::generic_category().message(answer.error);
    case Answer::State::not_asked:
      return problem.empty() ? "time was up before it was asked for" : std::string(problem);
    case Answer::State::answered:
      break;
  }
  return {};
}

void append_states(std::string& out, const StateCounts& states) {
  bool first = true;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (states[i] == 0) continue;
    if (!std::exchange(first, false)) out += ' ';
    out.append(tcp_state_names[i]).append("=").append(std::to_string(states[i]));
  }
}

}  // namespace

Result<std::uint64_t> Taker::write_processes(const std::string& name) {
  auto file = draft_->create(name);
  if (!file) return file.error();
  file->append("pid\tppid\tstate\tcpu_percent\tcpu_seconds\trss_kib\tthreads\tage_seconds\tcomm\n");
  const auto hertz = static_cast<double>(processes_->ticks_a_second());
  const auto now = static_cast<double>(scene_.boot_ns) / 1e9;
  std::array<char, 160> numbers;
  for (const auto index : processes_->tree()) {
    const auto& process = processes_->all()[index];
    const int size = std::snprintf(numbers.data(), numbers.size(), "%d\t%d\t%c\t%.1f\t%.2f\t%llu\t%d\t%.0f\t",
                                   process.pid, process.ppid, process.state, 100 * processes_->cpus(process),
                                   static_cast<double>(process.ticks) / hertz,
                                   static_cast<unsigned long long>(process.rss_bytes / 1024), process.threads,
                                   now - static_cast<double>(process.start_ticks) / hertz);
    file->append({numbers.data(), static_cast<std::size_t>(size)});
    for (int depth = 1; depth < process.depth && depth < 40; ++depth) file->append("  ");
    file->append(tab_field(process.name()));
    file->append("\n");
  }
  if (const auto done = file->close(); !done) return done.error();
  return file->bytes();
}

Result<std::uint64_t> Taker::write_sockets(const std::string& name) {
  auto file = draft_->create(name);
  if (!file) return file.error();
  text_.assign("kind\twho\tsockets\tstates\tmore\n");
  const auto& states = sockets_->by_state();
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (states[i] > 0)
      text_.append("state\t")
          .append(tcp_state_names[i])
          .append("\t")
          .append(std::to_string(states[i]))
          .append("\t\t\n");
  }
  for (const auto& row : sockets_->listeners()) {
    text_.append("listener\t")
        .append(end_text(row.local, row.ipv6))
        .append("\t")
        .append(std::to_string(row.total))
        .append("\t");
    append_states(text_, row.by_state);
    text_.append("\twaiting=")
        .append(std::to_string(row.waiting))
        .append(" backlog=")
        .append(std::to_string(row.backlog));
    text_.append(" uid=")
        .append(std::to_string(row.uid))
        .append(" inode=")
        .append(std::to_string(row.inode))
        .append("\n");
  }
  file->append(text_);
  for (const auto& row : sockets_->peers()) {
    text_.assign(row.outgoing ? "called\t" : "caller\t");
    text_ += row.outgoing ? end_text({row.address, row.port}, row.ipv6) : address_text(row.address, row.ipv6);
    text_.append("\t").append(std::to_string(row.total)).append("\t");
    append_states(text_, row.by_state);
    text_ += "\t";
    if (!row.outgoing) text_.append("port=").append(std::to_string(row.port));
    text_ += "\n";
    file->append(text_);
  }
  if (const auto done = file->close(); !done) return done.error();
  return file->bytes();
}

void Taker::ask_mounts_and_owners(const Root& root) {
  std::vector<Question> questions;
  const bool ours = settings_.procfs == "/proc";
  take_item(scene_.items, "mounts", "evidence/mountinfo", [&](Item& item) -> Result<std::uint64_t> {
    auto text = root.read(ours ? "self/mountinfo" : "1/mountinfo", buffer_);
    if (!text) return text.error();
    std::vector<Mount> mounts;
    if (const auto parsed = parse_mountinfo(*text, mounts); !parsed) return parsed.error();
    std::vector<std::pair<std::uint32_t, std::uint32_t>> seen;
    for (const auto& mount : mounts) {
      const std::pair device(mount.major, mount.minor);
      if (scene_.mounts.size() == most_mounts || (is_pseudo(mount.fstype) && mount.mountpoint != "/")) continue;
      if (std::find(seen.begin(), seen.end(), device) != seen.end()) continue;
      seen.push_back(device);
      MountFacts facts;
      facts.path = unescape_mount(mount.mountpoint);
      facts.source = unescape_mount(mount.source);
      facts.type = mount.fstype;
      facts.read_only = mount.read_only();
      // Another procfs is another's view of the mounts: its paths hold beneath its root alone.
      questions.push_back({Question::Kind::mount, 0, ours ? facts.path : settings_.procfs + "/1/root" + facts.path});
      scene_.mounts.push_back(std::move(facts));
    }
    return write_item(*draft_, item, *text);
  });
  const bool owners = scene_.subject == Subject::tcp && !sockets_->watched_inodes().empty();
  if (owners) questions.push_back({Question::Kind::owners, 0, {}});
  if (questions.empty()) return;
  std::string problem;
  take_item(scene_.items, "space of the mounts", "", [&](Item& item) -> Result<std::uint64_t> {
    const auto until = std::chrono::steady_clock::now() + settings_.helper_timeout;
    const auto patience = std::chrono::duration_cast<milliseconds>(settings_.helper_timeout) / 2;
    const auto answers = ask(
        children_, root, questions, sockets_->watched_inodes(), patience, until, *cancelled_,
        [&](std::size_t i, std::string_view bytes) {
          if (i < scene_.mounts.size() && bytes.size() == sizeof(MountSpace)) {
            std::memcpy(&scene_.mounts[i].space, bytes.data(), sizeof(MountSpace));
          } else if (i >= scene_.mounts.size() && bytes.size() == sizeof(Owner)) {
            Owner owner;
            std::memcpy(&owner, bytes.data(), sizeof(owner));
            scene_.owners.push_back(owner);
          }
        },
        problem);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (i < scene_.mounts.size()) scene_.mounts[i].answer = answers[i];
      if (answers[i].state == Answer::State::answered) continue;
      item.state = Item::State::partial;
      if (!item.why.empty()) item.why += "; ";
      item.why += (i < scene_.mounts.size() ? clean(scene_.mounts[i].path) : std::string("owners of sockets")) + ": " +
                  failure(answers[i], problem);
    }
    return std::uint64_t{0};
  });
  std::sort(scene_.owners.begin(), scene_.owners.end(), [](const Owner& a, const Owner& b) {
    return a.sockets != b.sockets ? a.sockets > b.sockets : a.pid < b.pid;
  });
}

void Taker::ask_suspects(const Root& root) {
  std::vector<Question> questions;
  const auto add = [&](Question::Kind kind, std::int32_t pid) { questions.push_back({kind, pid, {}}); };
  std::vector<std::int32_t> named;
  const auto name = [&](std::int32_t pid) {
    if (named.size() < most_cmdlines && std::find(named.begin(), named.end(), pid) == named.end()) named.push_back(pid);
  };
  for (const auto& suspect : scene_.suspects) {
    if (suspect.gone.empty()) name(suspect.pid);
  }
  for (const auto* process : processes_->top(10, [](const Process& p) { return p.rss_bytes; })) name(process->pid);
  for (const auto* process : processes_->top(10, [](const Process& p) { return p.ticks_between(); }))
    name(process->pid);
  for (const auto pid : named) add(Question::Kind::cmdline, pid);
  for (const auto kind : {Question::Kind::fds, Question::Kind::maps}) {
    for (const auto& suspect : scene_.suspects) {
      if (suspect.gone.empty()) add(kind, suspect.pid);
    }
  }
  if (questions.empty()) return;

  std::vector<std::string> texts(questions.size());
  std::string problem;
  const auto before = std::chrono::steady_clock::now();
  const auto patience = std::chrono::duration_cast<milliseconds>(settings_.helper_timeout) / 2;
  const auto answers = ask(
      children_, root, questions, {}, patience, before + settings_.helper_timeout, *cancelled_,
      [&](std::size_t i, std::string_view bytes) { texts[i] += bytes; }, problem);
  const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - before).count();
  double first_ms = ms;  // counted once: they were asked together

  for (std::size_t i = 0; i < questions.size(); ++i) {
    const auto& question = questions[i];
    const auto at = std::find_if(scene_.suspects.begin(), scene_.suspects.end(),
                                 [&](const Suspect& s) { return s.pid == question.pid; });
    Suspect* suspect = at == scene_.suspects.end() ? nullptr : &*at;
    if (question.kind == Question::Kind::cmdline) {
      if (texts[i].size() > longest_cmdline) texts[i].resize(longest_cmdline);
      texts[i] = mask_cmdline(texts[i]);
      scene_.cmdlines.emplace_back(question.pid, texts[i]);
      if (suspect == nullptr) continue;
      suspect->cmdline = texts[i];
      suspect->cmdline_problem = failure(answers[i], problem);
      texts[i] += '\n';
    }
    const auto* kind = question.kind == Question::Kind::cmdline ? "cmdline"
                       : question.kind == Question::Kind::fds   ? "fds"
                                                                : "maps";
    take_item(
        scene_.items, std::string(kind) + " of " + std::to_string(question.pid), suspect->folder + "/" + kind,
        [&](Item& item) -> Result<std::uint64_t> {
          if (answers[i].state == Answer::State::failed && (answers[i].error == ENOENT || answers[i].error == ESRCH)) {
            return Error{Errc::not_found, "the process has ended"};
          }
          if (answers[i].state != Answer::State::answered) {
            if (texts[i].size() <= 1)
              return Error{answers[i].state == Answer::State::hung ? Errc::timeout : Errc::failed,
                           failure(answers[i], problem)};
            item.state = Item::State::partial;
            item.why = failure(answers[i], problem);
          }
          return write_item(*draft_, item, texts[i]);
        });
    scene_.items.back().ms += std::exchange(first_ms, 0);
  }
}

void Taker::run_commands() {
  for (const auto& configured : commands_) {
    // No structured binding: clang 14 captures none in a lambda.
    const auto& command = configured.first;
    const auto& problem = configured.second;
    if (cancelled_->load()) return;
    take_item(scene_.items, "command " + command.text, "evidence/commands/" + path_part(command.text) + ".txt",
              [&](Item& item) -> Result<std::uint64_t> {
                if (!problem.empty()) return Error{Errc::failed, problem};
                auto file = draft_->create(item.file);
                if (!file) return file.error();
                const auto done =
                    run_command(children_, command, std::chrono::duration_cast<milliseconds>(settings_.command_timeout),
                                *cancelled_, *file);
                const auto closed = file->close();
                if (!closed) return closed.error();
                if (!done) {
                  if (file->bytes() == 0) return done.error();
                  item.state = Item::State::partial;
                  item.why = done.error().message;
                }
                return file->bytes();
              });
  }
}

}  // namespace snapshot
