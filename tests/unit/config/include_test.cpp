#include "tests/unit/config/support.hpp"

namespace sentinel::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string main_file =
    "version: 1\ncollectors: {cpu: {plugin: p}}\nsinks: {out: {plugin: p}}\npipelines: {host: {to: [out]}}\ninclude: ";

std::vector<std::string> names(const std::vector<Collector>& collectors) {
  std::vector<std::string> out;
  for (const auto& collector : collectors) out.push_back(collector.name);
  return out;
}

TEST(Include, AddsWhatOtherFilesHold) {
  const Folder folder;
  folder.write("a.yaml", main_file + "[rules/b.yaml]\n");
  folder.write("rules/b.yaml", "collectors: {memory: {plugin: p, config: {file: x}}}\ninclude: [c.yaml]\n");
  folder.write("rules/c.yaml", "version: 1\ncollectors: {tcp: {plugin: '${P}'}}\n");
  const auto loaded = load(folder / "a.yaml", {{"P", "proc_tcp"}});
  EXPECT_THAT(folder.tell(loaded.diagnostics), IsEmpty());
  EXPECT_THAT(names(loaded.config.collectors), ElementsAre("cpu", "memory", "tcp"));
  EXPECT_THAT(loaded.config.pipelines.at(0).from, ElementsAre("cpu", "memory", "tcp", "self"));
  EXPECT_EQ(loaded.config.collectors[2].plugin, "proc_tcp");
  EXPECT_EQ(loaded.config.collectors[1].config.where.file, folder / "rules/b.yaml");
  EXPECT_THAT(loaded.config.files, ElementsAre(folder / "a.yaml", folder / "rules/b.yaml", folder / "rules/c.yaml"));
}

TEST(Include, MayBeAnEmptyFile) {
  const Folder folder;
  folder.write("a.yaml", main_file + "[b.yaml]\n");
  folder.write("b.yaml", "# nothing yet\n");
  EXPECT_TRUE(load(folder / "a.yaml", {}).ok());
}

TEST(Include, MayBeASymlink) {
  const Folder folder;
  folder.write("a.yaml", main_file + "[b.yaml]\n");
  folder.write("data/b.yaml", "collectors: {memory: {plugin: p}}\n");
  std::filesystem::create_symlink(folder / "data/b.yaml", folder / "b.yaml");
  const auto loaded = load(folder / "a.yaml", {});
  EXPECT_TRUE(loaded.ok());
  EXPECT_THAT(names(loaded.config.collectors), ElementsAre("cpu", "memory"));
}

TEST(Include, ReportsTheMistakesOfEveryFileInOrder) {
  const Folder folder;
  folder.write("a.yaml", main_file + "[b.yaml, c.yaml]\ntypo: 1\n");
  folder.write("b.yaml", "version: 2\nagent: {}\ncollectors: {x: {}}\n");
  folder.write("c.yaml", "collectors: {cpu: {plugin: p}}\nsinks: {out: {plugin: q}}\npipelines: {host: {to: [out]}}\n");
  EXPECT_THAT(folder.tell(load(folder / "a.yaml", {}).diagnostics),
              ElementsAre("a.yaml:6:1: unknown key \"typo\"; known here: agent, collectors, include, pipelines, "
                          "prometheus, sinks, version",
                          "b.yaml:1:10: version \"2\" is not known here; this agent reads version: 1",
                          "b.yaml:2:8: agent: stands in the main file alone, not in an included one",
                          "b.yaml:3:14: collector \"x\": plugin: is missing; name the plugin, as in plugin: proc_cpu",
                          "c.yaml:1:14: collectors: \"cpu\" stands also at a.yaml:2:14",
                          "c.yaml:2:9: sinks: \"out\" stands also at a.yaml:3:9",
                          "c.yaml:3:13: pipelines: \"host\" stands also at a.yaml:4:13"));
}

TEST(Include, ReportsWhatCannotBeRead) {
  const Folder folder;
  folder.write("a.yaml", main_file + "[absent.yaml, dir, broken.yaml, bytes.yaml, list.yaml]\n");
  std::filesystem::create_directory(folder / "dir");
  folder.write("broken.yaml", "collectors: [\n");
  folder.write("bytes.yaml", "collectors: {a\xff: 1}\n");
  folder.write("list.yaml", "- a\n");
  EXPECT_THAT(
      folder.tell(load(folder / "a.yaml", {}).diagnostics),
      ElementsAre("a.yaml:5:11: include: \"absent.yaml\": does not exist",
                  "a.yaml:5:24: include: \"dir\": is a directory", HasSubstr("broken.yaml:2:1: this is no YAML: "),
                  "bytes.yaml:1:15: byte 0xff is not valid UTF-8; save the file as UTF-8",
                  "list.yaml:1:1: a pipeline file is a map that begins with version: 1, not a list"));
}

TEST(Include, TellsUnreachablePathsApart) {
  const Folder folder;
  std::filesystem::create_symlink("loop", folder / "loop");
  folder.write("a.yaml",
               main_file + "[loop, loop/b.yaml, " + std::string(300, 'n') + ", " + std::string(300, 'm') + "]\n");
  const auto told = folder.tell(load(folder / "a.yaml", {}).diagnostics);
  EXPECT_THAT(told, testing::SizeIs(4));
  EXPECT_THAT(told, testing::Each(HasSubstr("cannot be read: ")));
}

TEST(Include, FindsCycles) {
  const Folder folder;
  folder.write("a.yaml", main_file + "[b.yaml]\n");
  folder.write("b.yaml", "include: [c.yaml]\n");
  folder.write("c.yaml", "include: [./a.yaml]\n");
  EXPECT_THAT(folder.tell(load(folder / "a.yaml", {}).diagnostics),
              ElementsAre("c.yaml:1:11: include: \"./a.yaml\": includes itself: a.yaml -> b.yaml -> c.yaml -> a.yaml"));
  folder.write("a.yaml", main_file + "[a.yaml]\n");
  EXPECT_THAT(folder.tell(load(folder / "a.yaml", {}).diagnostics),
              ElementsAre(HasSubstr("a.yaml:5:11: include: \"a.yaml\": includes itself: a.yaml -> a.yaml")));
}

TEST(Include, TakesAFileOnce) {
  const Folder folder;
  folder.write("a.yaml", main_file + "[b.yaml, c.yaml]\n");
  folder.write("b.yaml", "include: [c.yaml]\n");
  folder.write("c.yaml", "collectors: {memory: {plugin: p}}\n");
  EXPECT_THAT(folder.tell(load(folder / "a.yaml", {}).diagnostics),
              ElementsAre("a.yaml:5:19: include: \"c.yaml\": is included twice, first at b.yaml:1:11"));
}

TEST(Include, IsBounded) {
  const Folder folder;
  folder.write("a.yaml", main_file + "[f1.yaml]\n");
  for (int i = 1; i <= 9; ++i)
    folder.write("f" + std::to_string(i) + ".yaml", "include: [f" + std::to_string(i + 1) + ".yaml]\n");
  EXPECT_THAT(folder.tell(load(folder / "a.yaml", {}).diagnostics),
              ElementsAre("f8.yaml:1:11: include: \"f9.yaml\": is the ninth level of includes; eight are read"));

  std::string list;
  for (int i = 0; i < 65; ++i) {
    folder.write("g" + std::to_string(i) + ".yaml", "");
    list += (i == 0 ? "[g" : ", g") + std::to_string(i) + ".yaml";
  }
  folder.write("a.yaml", main_file + list + "]\n");
  EXPECT_THAT(folder.tell(load(folder / "a.yaml", {}).diagnostics),
              ElementsAre(HasSubstr("\"g64.yaml\": is one file too many; 64 may be included")));
}

TEST(Include, MustBeAList) {
  EXPECT_THAT(complaints(main_file + "b.yaml\n"), ElementsAre("a.yaml:5:10: include: must be a list: write [b.yaml]"));
}

}  // namespace
}  // namespace sentinel::config
