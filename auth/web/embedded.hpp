#pragma once

#include <string_view>
#include <vector>

namespace sluice::auth {

// A file compiled into the binary.
struct EmbeddedFile {
    std::string_view
        path;  // "web/templates/approve.html", "web/static/link.js", "store/schema.sql"
    std::string_view content;
};
const std::vector<EmbeddedFile>& embedded_files();

}  // namespace sluice::auth
