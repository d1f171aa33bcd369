#include "plugins/ebpf_proc/parents.hpp"

#include <algorithm>
#include <cstring>
#include <sentinel/bpf/contexts.hpp>
#include <sentinel/bpf/entries.hpp>
#include <string>
#include <utility>

sentinel::Result<void> Parents::look(int map_fd) {
  seen_.clear();
  rows_.clear();
  const auto read = sentinel::bpf::read_entries(map_fd, sizeof(proc_parent_key), sizeof(proc_parent), PROC_PARENTS,
                                                [&](const std::byte* raw_key, const std::byte* raw_value) {
                                                  proc_parent_key key;
                                                  proc_parent now;
                                                  std::memcpy(&key, raw_key, sizeof(key));
                                                  std::memcpy(&now, raw_value, sizeof(now));
                                                  add(key, now);
                                                });
  if (!read) return read;
  std::swap(before_, seen_);
  const auto worse = [](const Row& a, const Row& b) {
    return std::pair(a.since.forks, a.since.short_lived) > std::pair(b.since.forks, b.since.short_lived);
  };
  const auto shown = std::min(rows_.size(), most_rows);
  std::partial_sort(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(shown), rows_.end(), worse);
  rows_.resize(shown);
  return {};
}

void Parents::add(const proc_parent_key& key, const proc_parent& now) {
  if (!seen_.emplace(key, now).second) return;
  Row row{key, now, now.forks};
  // One that the kernel forgot and met again begins at 0.
  const auto known = before_.find(key);
  if (known != before_.end() && known->second.forks <= now.forks && known->second.execs <= now.execs &&
      known->second.exits <= now.exits && known->second.short_lived <= now.short_lived) {
    row.since.forks -= known->second.forks;
    row.since.execs -= known->second.execs;
    row.since.exits -= known->second.exits;
    row.since.short_lived -= known->second.short_lived;
  }
  if (row.since.forks + row.since.execs + row.since.exits > 0) rows_.push_back(row);
}

void Parents::add_rows(sentinel::Rows& rows) const {
  for (const Row& row : rows_) {
    rows.add("parents", {{"pid", std::to_string(row.key.pid)},
                         {"comm", sentinel::bpf::comm_of(row.since.comm)},
                         {"forks", std::to_string(row.since.forks)},
                         {"execs_of_children", std::to_string(row.since.execs)},
                         {"exits_of_children", std::to_string(row.since.exits)},
                         {"short_lived_children", std::to_string(row.since.short_lived)},
                         {"forks_in_all", std::to_string(row.forks_in_all)},
                         {"session", std::to_string(row.since.session)},
                         {"cgroup_id", std::to_string(row.since.cgroup_id)}});
  }
}
