#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rules/rule.hpp"
#include "tests/unit/config/support.hpp"

namespace sentinel::rules {

/// What a pipeline file's rules compile to, and what load() and compile_all() say of it.
struct Compiled {
  std::vector<std::shared_ptr<const Rule>> rules;
  std::vector<std::string> said;
};

inline Compiled compile_file(std::string_view text, const config::Variables& environment = {}) {
  const config::Folder folder;
  folder.write("a.yaml", text);
  auto loaded = config::load(folder / "a.yaml", environment);
  Compiled out;
  out.rules = compile_all(loaded.config, loaded.diagnostics);
  out.said = folder.tell(loaded.diagnostics);
  return out;
}

/// Of pipelines that begin in line 5, each indented by two.
inline Compiled compile_pipelines(std::string_view pipelines, const config::Variables& environment = {}) {
  return compile_file(
      "version: 1\nsinks: {out: {plugin: p}, incident: {plugin: p}}\nagent: {alerts_to: [incident]}\n"
      "pipelines:\n" +
          std::string(pipelines) + "  all: {to: [out]}\n",
      environment);
}

}  // namespace sentinel::rules
