#pragma once

#include "common/base/result.hpp"
#include "common/base/secret.hpp"

#include <filesystem>
#include <string_view>

namespace sluice::crypto {

// Who may read a file: only its owner (0600), or everybody (0644).
enum class FileAccess { owner, everybody };

// Writes a new file beside `file` and renames it over: readers see the old content or the new one,
// and the content never lies in a file that others can open. Errors have kind storage and name the
// file.
Result<void> write_key_file(const std::filesystem::path& file,
                            std::string_view content,
                            FileAccess access);

// The whole file, at most 64 KiB. Errors have kind storage and name the file.
Result<Secret> read_key_file(const std::filesystem::path& file);

}  // namespace sluice::crypto
