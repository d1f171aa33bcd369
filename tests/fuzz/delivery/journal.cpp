#include "core/delivery/journal.hpp"

#include "core/delivery/book.hpp"
#include "core/delivery/entry.hpp"
#include "tests/fuzz/harness.hpp"

using namespace sentinel::delivery;
using namespace sentinel::fuzz;

namespace {

constexpr std::size_t most_alerts = 8;
constexpr std::size_t most_bytes = 4096;

/// Puts an entry into a book, as a start of the agent does.
void replay(const Entry& entry, Book& book) {
  if (const auto* submitted = std::get_if<SubmittedEntry>(&entry)) {
    (void)book.submit(submitted->notification, submitted->at_ns & INT64_MAX);
  } else if (const auto* known = std::get_if<KnownEntry>(&entry)) {
    book.recall({known->last, known->changed_ns & INT64_MAX});
  } else if (const auto* settled = std::get_if<SettledEntry>(&entry)) {
    for (const Settled& each : settled->settled) (void)book.settle(each, SteadyTime::min());
  }
}

void entry_of(std::string_view payload, Book& book) {
  const auto entry = decode(payload);
  if (!entry) return;
  const auto again = decode(encode(*entry));
  require(again && encode(*again) == encode(*entry), "an entry is read back as the same");
  replay(*entry, book);
}

void use(Book& book, Protocol protocol) {
  constexpr std::int64_t now_ns = 1'700'000'000'000'000'000;
  book.expire(now_ns);
  (void)book.next(1, 1, now_ns, SteadyTime());  // lets go of what is past
  Book copy(BookLimits{protocol, most_alerts, most_bytes});
  book.write([&](const Entry& entry) { replay(*decode(encode(entry)), copy); });
  // An end is stored even where there is no space for it.
  if (book.bytes() <= most_bytes) require(copy.alerts() == book.alerts(), "a book is made again from its entries");
  for (int i = 0; i < 100; ++i) {
    const auto batch = book.next(3, 1024, now_ns, SteadyTime());
    require(batch.sent.size() == batch.notifications.size() && batch.sent.size() <= 3, "a batch is bounded");
    if (batch.sent.empty()) return;
    for (const Settled& each : batch.sent) (void)book.settle(each, SteadyTime());
  }
  require(false, "what is taken is not told for ever");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view given = text(data, size);
  for (const Protocol protocol : {Protocol::webhook, Protocol::alertmanager}) {
    Book book(BookLimits{protocol, most_alerts, most_bytes});
    std::size_t whole = 0;
    // The bytes as a file, then as one payload, which a checksum keeps a fuzzer from finding by itself.
    const Scan found = scan(given, [&](std::string_view payload) {
      ++whole;
      entry_of(payload, book);
    });
    require(found.entries == whole && found.damaged_bytes <= size, "every byte is an entry's, or damage");
    for (std::size_t at = 0; at < given.size(); at += 1 + static_cast<unsigned char>(given[at])) {
      entry_of(given.substr(at + 1, static_cast<unsigned char>(given[at])), book);
    }
    use(book, protocol);
  }
  return 0;
}
