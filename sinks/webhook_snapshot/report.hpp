#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sinks/webhook_snapshot/scene.hpp"

namespace snapshot {

/// Appends the report of a scene, in Markdown: what fired, on whom, culprits, what the host looked like, what came
/// before, what is missing and why. Whatever a process or a webhook calls itself is shown as text, never as markup. Any
/// thread.
void write_report(const Scene& scene, std::string& out);

/// The sections of it that are in report_host.cpp.
void write_host(const Scene& scene, std::string& out);

/// Appends manifest.json: the schema's version and what became of each item.
void write_manifest(const Scene& scene, std::string& out);

}  // namespace snapshot
