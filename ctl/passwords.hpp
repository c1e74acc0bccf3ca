#pragma once

#include "common/base/secret.hpp"
#include "ctl/options.hpp"

#include <string>

namespace sluice::ctl {

struct ChosenPassword {
    Secret password;
    bool generated = false;  // nobody knows it yet: print it
};

// From the file, or generated, or asked for twice without echo; where there is no terminal, from
// standard input. Nothing entered means generated when `may_generate`, else it is an error.
ChosenPassword choose_password(const PasswordSource& source,
                               const std::string& prompt,
                               bool may_generate);

// The first line of the text, which must not be empty; throws StartupError naming `origin`.
Secret first_line_as_password(const std::string& text, const std::string& origin);

}  // namespace sluice::ctl
