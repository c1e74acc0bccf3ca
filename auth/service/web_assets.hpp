#pragma once

#include "auth/core/template.hpp"

#include <map>
#include <string>
#include <string_view>

namespace sluice::auth {

// The embedded pages, parsed once, and the static files. Immutable; any thread.
class WebAssets {
public:
    // Throws StartupError when an embedded template is wrong.
    WebAssets();

    std::string render(std::string_view page, const TemplateMap& values) const {
        return templates_.render(page, values);
    }

    struct StaticFile {
        std::string_view content;
        std::string type;
        std::string etag;  // quoted
    };
    // Null when there is none of that name.
    const StaticFile* find(const std::string& name) const;

private:
    TemplateSet templates_;
    std::map<std::string, StaticFile> files_;
};

}  // namespace sluice::auth
