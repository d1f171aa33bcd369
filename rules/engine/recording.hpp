#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sentinel/result.hpp>

#include "rules/engine/engine.hpp"

namespace sentinel::rules {

/// Writes down what goes into an Engine, so that replay() can do it again elsewhere, with the same output byte for
/// byte. Rules are not recorded: replay a stream against other rules to see what they would have said.
///
/// The format, version 2: "SNTLREC2", then frames, each a type (1 byte), the size of its body (4 bytes) and the body.
/// Numbers are little endian; a text is its size (4 bytes) and its bytes.
///   1 metric   kind u8, name text, unit text, label keys: count u32 and texts. Its number is that of the metrics
///   before. 2 series   metric u32, values: one text a label key of the metric. Numbered likewise. 3 collection
///   instance text, tick u64, every u64, records: count u32 and each
///       sample  metric u32, series u32, time u64, value f64
///       event   metric u32, time u64, value f64, pid u32, tid u32, ppid u32, start u64, cgroup u64, comm, parent comm
///               and container id texts, stack: count u32 and u64s, label values: one text a key of the metric,
///               executable and pod texts, symbols: count u32 (0 or the stack's) and texts, folded count u64 (0: it is
///               none) and, unless that is 0, demand u64
///   4 lost     instance text, count u64, time u64, spread u64
///   5 advance  boottime u64, Unix time i64
/// Version 1 had nothing after an event's label values and a loss' time; it is read still. A folded record is taken by
/// the window that the engine was told to have this demand, and by nobody when it was not: demands are not recorded, as
/// rules are not.
/// Whether a record is an event is what its metric's kind says. Buckets of histograms are left out: rules don't see
/// them.
class Recorder {
 public:
  /// Creates the file, or empties it. At most `limit` bytes are written; what does not fit, and all after it, is left
  /// out: complete() says so. `engine` must outlive it. Errors: as open(2).
  static Result<Recorder> create(const std::string& path, Engine& engine, std::uint64_t limit);
  Recorder(Recorder&&) noexcept;
  Recorder& operator=(Recorder&&) noexcept;
  ~Recorder();

  // Engine's, written down and passed on.
  void consume(const sentinel_delivery& batch, std::uint64_t tick_ns, std::uint64_t every_ns, Output& out);
  void lost(std::string_view instance, std::uint64_t count, std::uint64_t time_ns, std::uint64_t spread_ns = 1);
  void advance(Moment now, Output& out);

  /// Ends the file. Errors: failed (the disk was full), exhausted (the limit was).
  Result<void> finish();

 private:
  struct State;
  explicit Recorder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// What replay() did.
struct Replayed {
  std::uint64_t records = 0;
  std::uint64_t collections = 0;
  Moment end;  ///< of the last advance
};

/// Does to `engine` what a recording says. Errors: not_found, permission, failed (reading), and invalid_argument with
/// the byte at which the file is malformed or ends short; what came before was done.
Result<Replayed> replay(const std::string& path, Engine& engine, Output& out);
/// The same of a recording in memory.
Result<Replayed> replay_bytes(std::string_view bytes, Engine& engine, Output& out);

}  // namespace sentinel::rules
