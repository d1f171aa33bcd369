#include "core/delivery/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/delivery/entry.hpp"
#include "support.hpp"

namespace sentinel::delivery {
namespace {

using namespace delivery::testing;
using sentinel::testing::read_text;
using sentinel::testing::write_text;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

std::string frames(const std::vector<std::string>& payloads) {
  std::string out;
  for (const auto& each : payloads) append_frame(out, each);
  return out;
}

std::vector<std::string> payloads(std::string_view file, Scan* result = nullptr) {
  std::vector<std::string> found;
  const Scan scanned = scan(file, [&](std::string_view payload) { found.emplace_back(payload); });
  if (result != nullptr) *result = scanned;
  return found;
}

const std::vector<std::string> three = {"first", "", std::string(300, 'x')};

TEST(JournalFile, IsReadBackAsItWasWritten) {
  Scan result;
  EXPECT_THAT(payloads(std::string(journal_heading()) + frames(three), &result), ElementsAreArray(three));
  EXPECT_TRUE(result.is_journal);
  EXPECT_EQ(result.entries, 3U);
  EXPECT_EQ(result.damaged_bytes, 0U);
  EXPECT_TRUE(payloads(journal_heading(), &result).empty());
  EXPECT_TRUE(result.is_journal);
}

TEST(JournalFile, CutShortAnywhereKeepsTheWholeEntriesBefore) {
  const std::string whole = std::string(journal_heading()) + frames(three);
  const std::size_t first_end = journal_heading().size() + frames({three[0]}).size();
  const std::size_t second_end = first_end + frames({three[1]}).size();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Scan result;
    const auto found = payloads(std::string_view(whole).substr(0, size), &result);
    if (size < journal_heading().size()) {
      EXPECT_FALSE(result.is_journal);
      continue;
    }
    const std::size_t expected = size >= second_end ? 2 : size >= first_end ? 1 : 0;
    ASSERT_EQ(found.size(), expected) << size;
    EXPECT_TRUE(std::equal(found.begin(), found.end(), three.begin()));
    EXPECT_FALSE(result.damaged_before_end);
  }
}

TEST(JournalFile, WithAnyByteChangedLosesOneEntryAlone) {
  const std::string whole = std::string(journal_heading()) + frames(three);
  for (std::size_t at = journal_heading().size(); at < whole.size(); ++at) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      Scan result;
      const auto found = payloads(damaged, &result);
      ASSERT_EQ(found.size(), 2U) << at;
      for (const auto& each : found) EXPECT_THAT(three, ::testing::Contains(each));
      EXPECT_GT(result.damaged_bytes, 0U);
    }
  }
}

TEST(JournalFile, GrowsAndIsReplaced) {
  const TempFolder folder;
  Journal journal(folder / "a.journal");
  EXPECT_FALSE(journal.append("nothing is open"));
  ASSERT_TRUE(journal.replace(frames({"one"})));
  const auto ticket = journal.append(frames({"two"}));
  ASSERT_TRUE(ticket);
  EXPECT_TRUE(journal.sync(*ticket));
  EXPECT_THAT(payloads(*journal.read(4096)), ElementsAre("one", "two"));
  EXPECT_EQ(journal.bytes(), read_text(journal.file()).size());
  ASSERT_TRUE(journal.replace(frames({"three"})));
  EXPECT_TRUE(journal.append(frames({"four"})));
  EXPECT_THAT(payloads(*journal.read(4096)), ElementsAre("three", "four"));
  EXPECT_FALSE(std::filesystem::exists(folder / "a.journal.new"));
  EXPECT_FALSE(journal.read(10));

  struct stat status = {};
  ASSERT_EQ(::stat(journal.file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(JournalFile, IsNotFollowedThroughALink) {
  const TempFolder folder;
  write_text(folder / "elsewhere", "precious");
  std::filesystem::create_symlink(folder / "elsewhere", folder / "a.journal");
  Journal journal(folder / "a.journal");
  EXPECT_FALSE(journal.read(4096));
  EXPECT_FALSE(journal.resume());
  EXPECT_TRUE(journal.replace(frames({"one"})));
  EXPECT_EQ(read_text(folder / "elsewhere"), "precious");
}

TEST(JournalEntry, IsReadBackAsItWasWritten) {
  auto notification = with(resolved("cpu"), "hostile", std::string("\0\xff\n\"", 4));
  const auto submitted = std::get<SubmittedEntry>(*decode(encode(SubmittedEntry{begin, notification})));
  EXPECT_EQ(submitted.at_ns, begin);
  EXPECT_EQ(submitted.notification.fingerprint, notification.fingerprint);
  EXPECT_EQ(submitted.notification.firing, false);
  EXPECT_EQ(submitted.notification.labels, notification.labels);
  EXPECT_EQ(submitted.notification.annotations, notification.annotations);
  EXPECT_EQ(submitted.notification.starts_at_ns, notification.starts_at_ns);
  EXPECT_EQ(submitted.notification.ends_at_ns, notification.ends_at_ns);

  const auto receiver = std::get<ReceiverEntry>(*decode(encode(ReceiverEntry{Protocol::alertmanager, "http://a"})));
  EXPECT_EQ(receiver.protocol, Protocol::alertmanager);
  EXPECT_EQ(receiver.url, "http://a");

  const Settled one = {{1, -2}, 3, true, false};
  const Settled two = {{UINT64_MAX, INT64_MIN}, 4, false, true};
  const auto settled = std::get<SettledEntry>(*decode(encode(SettledEntry{{one, two}}))).settled;
  ASSERT_EQ(settled.size(), 2U);
  EXPECT_EQ(settled[0].key, one.key);
  EXPECT_TRUE(settled[0].firing);
  EXPECT_FALSE(settled[0].refused);
  EXPECT_EQ(settled[1].key, two.key);
  EXPECT_TRUE(settled[1].refused);

  const auto known = std::get<KnownEntry>(*decode(encode(KnownEntry{one, begin})));
  EXPECT_EQ(known.last.digest, 3U);
  EXPECT_EQ(known.changed_ns, begin);
}

TEST(JournalEntry, CutShortOrWithARestIsNone) {
  const std::string whole = encode(SubmittedEntry{begin, firing("cpu")});
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(decode(whole.substr(0, size))) << size;
  EXPECT_FALSE(decode(whole + "x"));
  EXPECT_FALSE(decode(std::string_view("\x63", 1)));
  EXPECT_LT(whole.size(), encoded_size(firing("cpu")));
}

}  // namespace
}  // namespace sentinel::delivery
