#include "core/plugin/elf.hpp"

#include <elf.h>
#include <gmock/gmock.h>
#include <sentinel/abi.h>

#include <cstring>
#include <random>

#include "tests/unit/plugin/support.hpp"

namespace sentinel::plugin {

namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::message_of;
using testing::read_all;
using testing::test_plugin;

ElfFacts facts_of(std::string_view name) {
  const auto facts = parse_elf(read_all(test_plugin(name)));
  EXPECT_TRUE(facts) << message_of(facts);
  return facts ? *facts : ElfFacts{};
}

std::string refusals(const Lint& found) {
  std::string text;
  for (const auto& one : found.refusals) text += one + "\n";
  return text;
}

/// A good image whose header is changed.
Result<ElfFacts> with_header(void (*change)(Elf64_Ehdr&)) {
  auto image = read_all(test_plugin("test_c"));
  Elf64_Ehdr header;
  std::memcpy(&header, image.data(), sizeof(header));
  change(header);
  std::memcpy(image.data(), &header, sizeof(header));
  return parse_elf(image);
}

TEST(Elf, TellsWhatThePluginIs) {
  const auto facts = facts_of("test_collector");
  ASSERT_TRUE(facts.note);
  EXPECT_EQ(facts.note->name, "test_collector");
  EXPECT_EQ(facts.note->version, "1.0.0");
  EXPECT_EQ(facts.note->kind, SENTINEL_KIND_COLLECTOR);
  EXPECT_EQ(facts.note->abi_major, SENTINEL_ABI_MAJOR);
  EXPECT_EQ(facts.note->abi_minor, SENTINEL_ABI_MINOR);
  EXPECT_THAT(facts.exported, ::testing::ElementsAre(SENTINEL_PLUGIN_ENTRY));
  EXPECT_THAT(facts.needed, Contains("libc.so.6"));
  EXPECT_THAT(facts.undefined, Contains("__cxa_throw"));
  EXPECT_THAT(facts.unique_symbols, IsEmpty());
  EXPECT_FALSE(facts.nodelete);
}

TEST(Elf, ReadsANoteWrittenInC) {
  const auto facts = facts_of("test_c");
  ASSERT_TRUE(facts.note);
  EXPECT_EQ(facts.note->name, "test_c");
  EXPECT_EQ(facts.note->version, "1.2.3");
}

TEST(Elf, FindsNothingWrongWithAGoodPlugin) {
  const auto found = lint(facts_of("test_collector"), "test_collector");
  EXPECT_THAT(found.refusals, IsEmpty());
  EXPECT_THAT(found.warnings, IsEmpty());
}

TEST(Elf, RefusesEachTruncationWithASentence) {
  const auto image = read_all(test_plugin("test_collector"));
  constexpr std::size_t cuts = 200;
  for (std::size_t i = 0; i < cuts; ++i) {
    // At both ends byte by byte, where the headers are.
    const std::size_t size = i < 80    ? i
                             : i < 120 ? image.size() - 1 - (i - 80)
                                       : image.size() * (i - 120) / (cuts - 120);
    const auto facts = parse_elf(std::span(image).first(size));
    ASSERT_FALSE(facts) << "cut to " << size << " of " << image.size();
    EXPECT_THAT(facts.error().message, size == 0 ? HasSubstr("empty") : HasSubstr("truncated")) << "cut to " << size;
  }
}

TEST(Elf, SurvivesDamageOfAnyKind) {
  const auto image = read_all(test_plugin("test_c"));
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same damage each time
  std::size_t refused = 0;
  for (int round = 0; round < 3000; ++round) {
    auto damaged = image;
    // Where the tables are, a flipped byte misleads most; the file's ends hold them.
    for (int flips = 1 + round % 8; flips > 0; --flips) {
      const std::size_t near = round % 2 == 0 ? std::min<std::size_t>(4096, damaged.size()) : damaged.size();
      damaged[random() % near] = static_cast<std::byte>(random());
    }
    if (!parse_elf(damaged)) ++refused;
  }
  EXPECT_GT(refused, 100U);
}

TEST(Elf, RefusesWhatIsNoElfFile) {
  const std::string text = "#!/bin/sh\necho plugin\n";
  const auto facts = parse_elf(std::as_bytes(std::span(text)));
  ASSERT_FALSE(facts);
  EXPECT_THAT(facts.error().message, HasSubstr("no ELF file"));
}

TEST(Elf, RefusesOtherMachines) {
  EXPECT_THAT(message_of(with_header([](Elf64_Ehdr& h) { h.e_ident[EI_CLASS] = ELFCLASS32; })), HasSubstr("64-bit"));
  EXPECT_THAT(message_of(with_header([](Elf64_Ehdr& h) { h.e_ident[EI_DATA] = ELFDATA2MSB; })),
              HasSubstr("byte order"));
  EXPECT_THAT(message_of(with_header([](Elf64_Ehdr& h) { h.e_machine = EM_RISCV; })), HasSubstr("machine 243"));
  EXPECT_THAT(message_of(with_header([](Elf64_Ehdr& h) { h.e_version = 2; })), HasSubstr("version"));
  EXPECT_THAT(message_of(with_header([](Elf64_Ehdr& h) { h.e_type = ET_REL; })), HasSubstr("not a shared object"));
}

TEST(Elf, RefusesMalformedHeaders) {
  EXPECT_THAT(message_of(with_header([](Elf64_Ehdr& h) { h.e_phentsize = 1; })), HasSubstr("program headers"));
  EXPECT_THAT(message_of(with_header([](Elf64_Ehdr& h) { h.e_phnum = 0; })), HasSubstr("program headers"));
  EXPECT_THAT(message_of(with_header([](Elf64_Ehdr& h) { h.e_phoff = UINT64_MAX - 8; })),
              HasSubstr("program header table"));
  EXPECT_THAT(message_of(with_header([](Elf64_Ehdr& h) { h.e_shoff = UINT64_MAX - 8; })),
              HasSubstr("section header table"));
  EXPECT_THAT(message_of(with_header([](Elf64_Ehdr& h) { h.e_shentsize = 3; })), HasSubstr("section headers"));
}

TEST(Elf, RefusesAProgram) {
  const auto facts = parse_elf(read_all(testing::describe_child()));
  ASSERT_FALSE(facts);
  EXPECT_THAT(facts.error().message, HasSubstr("not a shared object"));
}

TEST(Lint, NamesEveryFault) {
  const auto lint_of = [](std::string_view name) { return refusals(lint(facts_of(name), name)); };
  EXPECT_THAT(lint_of("test_no_note"), HasSubstr("without a plugin note"));
  EXPECT_THAT(lint_of("test_no_entry"), HasSubstr("does not export sentinel_plugin_entry"));
  EXPECT_THAT(lint_of("test_nodelete"), HasSubstr("NODELETE"));
  EXPECT_THAT(lint_of("test_unique"), AllOf(HasSubstr("test_unique_symbol"), HasSubstr("sentinel_add_plugin")));
  EXPECT_EQ(
      lint_of("test_abi_major"),
      "plugin test_abi_major was built for ABI 2.2, this agent speaks 1.2: rebuild it against this agent's SDK\n");
}

TEST(Lint, RefusesAnotherNameThanTheFiles) {
  EXPECT_THAT(refusals(lint(facts_of("test_c"), "cpu")),
              HasSubstr("the file is called cpu.so, the plugin in it test_c: rename the file to test_c.so"));
  EXPECT_THAT(refusals(lint(facts_of("test_c"), {})), IsEmpty());
}

TEST(Lint, AcceptsANewerMinorWithAWarning) {
  const auto found = lint(facts_of("test_abi_minor"), "test_abi_minor");
  EXPECT_THAT(found.refusals, IsEmpty());
  EXPECT_THAT(found.warnings, Contains(HasSubstr("built for ABI 1.9, this agent speaks 1.2")));
}

TEST(Lint, WarnsOfWhatMayKeepAPluginMapped) {
  ElfFacts facts = facts_of("test_c");
  facts.undefined.emplace_back("__cxa_thread_atexit");
  facts.static_tls = true;
  facts.exported.emplace_back("helper");
  const auto found = lint(facts, "test_c");
  EXPECT_THAT(found.refusals, IsEmpty());
  EXPECT_THAT(found.warnings, AllOf(Contains(HasSubstr("thread_local")), Contains(HasSubstr("static TLS")),
                                    Contains(HasSubstr("helper"))));
}

}  // namespace

}  // namespace sentinel::plugin
