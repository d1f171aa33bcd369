#include <sys/stat.h>

#include "tests/unit/config/support.hpp"

namespace sentinel::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Load, ReadsTheFileOfTheDesign) {
  const Folder folder;
  folder.write("sentinel.yaml", R"(version: 1
agent:
  listen: 127.0.0.1:8000
  plugin_path: [plugins]
  state_dir: state
  env_file: .env
collectors:
  cpu:       {plugin: proc_cpu,      every: 5s}
  memory:    {plugin: proc_mem,      every: 5s}
  tcp:       {plugin: proc_tcp,      every: 5s}
  processes: {plugin: proc_zombie,   every: 5s}
  tcp_state: {plugin: ebpf_tcpstate, every: 5s, optional: true, config: {ports: [8888]}}
pipelines:
  host:
    from: [cpu, memory, tcp, processes, tcp_state, self]
    to:   [prometheus]
sinks:
  prometheus: {plugin: prometheus}
)");
  folder.write(".env", "MEM_THRESHOLD=80\n");
  const auto loaded = load(folder / "sentinel.yaml", {});
  EXPECT_THAT(folder.tell(loaded.diagnostics), IsEmpty());
  EXPECT_TRUE(loaded.ok());
  EXPECT_THAT(loaded.config.collectors, SizeIs(5));
  EXPECT_TRUE(loaded.config.collectors[4].optional);
  EXPECT_THAT(loaded.config.pipelines.at(0).from,
              ElementsAre("cpu", "memory", "tcp", "processes", "tcp_state", "self"));
  EXPECT_THAT(loaded.config.files, ElementsAre(folder / "sentinel.yaml", folder / ".env"));
}

TEST(Load, ReportsManyMistakesAtOnce) {
  EXPECT_THAT(
      complaints("agent: {workers: 0}\ncollectors:\n  cpu: {plugin: p, every: 5}\n  cpu: {plugin: p}\n"
                 "  mem: {plugin: p, evry: 5s}\nsinks: {out: {plugin: p}}\npipelines: {host: {from: [cup, mem], to: "
                 "[out]}}\n"),
      ElementsAre(HasSubstr("a.yaml:1:1: version is missing; begin the file with version: 1"),
                  HasSubstr("a.yaml:1:18: agent: workers: "),
                  HasSubstr("a.yaml:3:3: warning: collector \"cpu\" is in no pipeline's from"),
                  HasSubstr("a.yaml:3:27: collector \"cpu\": every: "),
                  HasSubstr("a.yaml:4:3: key \"cpu\" stands here twice"),
                  HasSubstr("a.yaml:5:20: collector \"mem\": unknown key \"evry\""),
                  HasSubstr("a.yaml:7:27: pipeline \"host\": from: there is no collector named \"cup\"")));
}

TEST(Load, HoldsTheFileToVersionOne) {
  EXPECT_THAT(complaints("version: 1\n"), IsEmpty());
  EXPECT_THAT(complaints("version: '1'\n"), IsEmpty());
  EXPECT_THAT(complaints("agent: {}\n"), ElementsAre("a.yaml:1:1: version is missing; begin the file with version: 1"));
  EXPECT_THAT(complaints("version: 2\n"),
              ElementsAre("a.yaml:1:10: version \"2\" is not known here; this agent reads version: 1"));
  EXPECT_THAT(complaints("version:\n"), ElementsAre(HasSubstr("version nothing is not known here")));
  EXPECT_THAT(complaints("version: [1]\n"), ElementsAre(HasSubstr("version a list is not known here")));
  EXPECT_THAT(complaints("verison: 1\n"), testing::Contains(HasSubstr("did you mean \"version\"?")));
}

TEST(Load, RefusesWhatIsNoPipelineFile) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "a.yaml:1:1: the file is empty; a pipeline file begins with version: 1"},
      {"# nothing\n", "the file is empty"},
      {"- a\n", "a.yaml:1:1: a pipeline file is a map that begins with version: 1, not a list"},
      {"hello\n", "a pipeline file is a map that begins with version: 1, not \"hello\""},
      {"version: [1\n", "this is no YAML"},
      {"\xff\xfe", "a.yaml:1:1: byte 0xff is not valid UTF-8"},
      {std::string_view("version: 1\0", 11), "a.yaml:1:11: control character 0x00"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_THAT(complaints(text), ElementsAre(HasSubstr(expected))) << text;
  }
}

TEST(Load, SaysWhyAFileCannotBeRead) {
  const Folder folder;
  const auto told = [&](const std::filesystem::path& path) { return folder.tell(load(path, {}).diagnostics); };
  EXPECT_THAT(told(folder / "absent.yaml"), ElementsAre("absent.yaml: does not exist"));
  EXPECT_THAT(told("/dev/zero"), ElementsAre("/dev/zero: is no regular file"));
  std::filesystem::create_directory(folder / "dir");
  EXPECT_THAT(told(folder / "dir"), ElementsAre("dir: is a directory"));
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(told(folder / "fifo"), ElementsAre("fifo: is no regular file"));
}

TEST(Load, PutsVariablesInTextAlone) {
  const Folder folder;
  folder.write("a.yaml",
               with_collector("{plugin: p, every: \"${EVERY:-7s}\", config: {a: \"${A}\", b: $$x, '${A}': 1}}"));
  const auto loaded = load(folder / "a.yaml", {{"A", "{c: d}"}});
  EXPECT_THAT(folder.tell(loaded.diagnostics), IsEmpty());
  const Collector& cpu = loaded.config.collectors.at(0);
  EXPECT_EQ(cpu.every, std::chrono::seconds(7));
  EXPECT_EQ(cpu.config.find("a")->text, "{c: d}") << "a value is text, never YAML";
  EXPECT_EQ(cpu.config.find("b")->text, "$x");
  EXPECT_NE(cpu.config.find("${A}"), nullptr) << "keys are left alone";
}

TEST(Load, ReportsAnUnsetVariableOnce) {
  EXPECT_THAT(complaints(with_collector("{plugin: \"${P}\", every: \"${E}\", labels: {a: \"${L}\"}}")),
              ElementsAre(HasSubstr("a.yaml:3:17: ${P} is not set"), HasSubstr("a.yaml:3:32: ${E} is not set"),
                          HasSubstr("${L} is not set")));
}

TEST(EnvFile, WinsOverTheEnvironment) {
  const Folder folder;
  folder.write("a.yaml", with_agent("{listen: \"127.0.0.1:${PORT}\"}"));
  folder.write(".env", "PORT=9000\n");
  EXPECT_EQ(load(folder / "a.yaml", {{"PORT", "1"}}).config.agent.listen, "127.0.0.1:9000");
  std::filesystem::remove(folder / ".env");
  EXPECT_EQ(load(folder / "a.yaml", {{"PORT", "1"}}).config.agent.listen, "127.0.0.1:1");
}

TEST(EnvFile, MayBeAbsentUnlessNamed) {
  EXPECT_THAT(complaints(with_agent("{}")), IsEmpty());
  EXPECT_THAT(complaints(with_agent("{env_file: .env}")),
              ElementsAre("a.yaml:2:19: agent: env_file: \".env\": does not exist"));
}

TEST(EnvFile, MayBeNamedByTheEnvironmentAlone) {
  const Folder folder;
  folder.write("conf/a.yaml", with_agent("{env_file: \"${NAME}$$.env\", listen: \"${LISTEN}\"}"));
  folder.write("conf/prod$.env", "LISTEN=none\nNAME=other\n");
  const auto loaded = load(folder / "conf/a.yaml", {{"NAME", "prod"}});
  EXPECT_THAT(folder.tell(loaded.diagnostics), IsEmpty());
  EXPECT_EQ(loaded.config.agent.env_file, folder / "conf/prod$.env");
  EXPECT_EQ(loaded.config.agent.listen, "");
  EXPECT_THAT(complaints(with_agent("{env_file: \"${NAME}\"}")), ElementsAre(HasSubstr("${NAME} is not set")));
}

TEST(EnvFile, ReportsItsOwnMistakes) {
  const Folder folder;
  folder.write("a.yaml", with_agent("{}"));
  folder.write(".env", "A=1\nnonsense\n");
  EXPECT_THAT(folder.tell(load(folder / "a.yaml", {}).diagnostics),
              ElementsAre(".env:2:1: this line has no =; write NAME=value"));
  folder.write(".env", "A=\xff\n");
  EXPECT_THAT(folder.tell(load(folder / "a.yaml", {}).diagnostics), ElementsAre(HasSubstr(".env:1:3: byte 0xff")));
  std::filesystem::remove(folder / ".env");
  std::filesystem::create_directory(folder / ".env");
  EXPECT_THAT(folder.tell(load(folder / "a.yaml", {}).diagnostics), ElementsAre(".env: is a directory"));
}

TEST(EnvFile, WrongTypesAreReportedOnce) {
  EXPECT_THAT(complaints(with_agent("{env_file: [a]}")),
              ElementsAre(HasSubstr("agent: env_file: must be a single value, not a list")));
  EXPECT_THAT(complaints(with_agent("{env_file: ''}")), ElementsAre(HasSubstr("agent: env_file: is empty")));
}

TEST(Load, StopsCountingMistakesAtSomePoint) {
  std::string text = "version: 1\n";
  for (int i = 0; i < 500; ++i) text += "key" + std::to_string(i) + ": 1\n";
  const auto told = complaints(text);
  ASSERT_EQ(told.size(), 201U);
  EXPECT_EQ(told.back(), "a.yaml: 300 more mistakes are not shown");
}

TEST(Load, SurvivesHostileFiles) {
  std::string many = "version: 1\ncollectors:\n";
  for (int i = 0; i < 8'000; ++i) many += "  c" + std::to_string(i) + ": {plugin: p}\n";
  many += "pipelines: {p: {from: [";
  for (int i = 0; i < 8'000; ++i) many += "x" + std::to_string(i) + ", ";
  many += "x], to: [y]}}\n";
  EXPECT_THAT(complaints(many), SizeIs(201));

  std::string quotes = "version: 1\na: \"";
  for (int i = 0; i < 100'000; ++i) quotes += "\\\"";
  EXPECT_FALSE(complaints(quotes).empty());
  for (const auto& text : std::vector<std::string>{
           "version: 1\n" + std::string(900'000, '['), "version: " + std::string(900'000, '{'),
           std::string(900'000, '-'), "version: 1\n? " + std::string(500'000, '?'), std::string(1'000'000, ' '),
           "&" + std::string(1'000'000, 'a'), std::string(300'000, '!'), "version: 1\n" + std::string(100'000, ':'),
           "%" + std::string(100'000, 'Y')}) {
    EXPECT_FALSE(complaints(text).empty()) << text.substr(0, 20);
  }
}

}  // namespace
}  // namespace sentinel::config
