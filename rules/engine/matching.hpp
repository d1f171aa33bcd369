#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rules/engine/offender.hpp"
#include "rules/engine/window.hpp"

namespace sentinel::rules {

/// Brings the windows of a rule together: groups of equal label sets make one row, and a window's group without labels
/// stands in every row. A row lacks no value: what a window doesn't know of a label set is 0 where it counts events,
/// and else the row's verdict is unknown.
class Matching {
 public:
  using Windows = std::vector<std::unique_ptr<Window>>;

  struct Row {
    std::string_view shown;  ///< label set
    Verdict verdict;
    const Exemplar* exemplar = nullptr;  ///< of a verdict that holds: its newest event, if it is of events
  };

  /// The rows of the windows as they were evaluated last, at `end_ns`; valid until one of them takes a record.
  const std::vector<Row>& rows(const Windows& windows, const Expression& when, std::uint64_t end_ns);
  /// Of a label set that rows() did not have.
  [[nodiscard]] Verdict of_absent(const Windows& windows, const Expression& when) const;

 private:
  void rows_of_one(const Window& window, const Expression& when, std::uint64_t end_ns);
  void rows_of_many(const Windows& windows, const Expression& when, std::uint64_t end_ns);
  [[nodiscard]] Verdict judge(const Windows& windows, const Expression& when,
                              const std::vector<const Group*>& groups) const;
  std::vector<const Group*>& groups_of(std::string_view shown, std::size_t windows);

  std::vector<Row> rows_;
  std::unordered_map<std::string_view, std::size_t> by_labels_;  // into matched_
  std::vector<std::pair<std::string_view, std::vector<const Group*>>> matched_;
  std::vector<const Group*> everywhere_;  // a window's group without labels
};

}  // namespace sentinel::rules
