#include "ctl/passwords.hpp"

#include "common/base/startup_error.hpp"
#include "common/crypto/random_bytes.hpp"
#include "ctl/files.hpp"

#include <fmt/format.h>

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>

namespace sluice::ctl {

namespace {

constexpr std::size_t generated_length = 20;

// Switches the terminal's echo off while it lives.
class NoEcho {
public:
    NoEcho() {
        active_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
        if (!active_) return;
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    ~NoEcho() {
        if (active_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }
    NoEcho(const NoEcho&) = delete;
    NoEcho& operator=(const NoEcho&) = delete;

private:
    termios before_{};
    bool active_ = false;
};

std::string ask(const std::string& prompt) {
    std::string line;
    {
        // Before the prompt: what is typed in answer to it must not be echoed nor flushed.
        const NoEcho no_echo;
        fmt::print(stderr, "{}: ", prompt);
        std::getline(std::cin, line);
    }
    fmt::print(stderr, "\n");
    return line;
}

std::string standard_input() { return {std::istreambuf_iterator<char>(std::cin), {}}; }

Secret generate() { return Secret(crypto::random_password(generated_length)); }

}  // namespace

ChosenPassword choose_password(const PasswordSource& source,
                               const std::string& prompt,
                               bool may_generate) {
    if (source.generate) return {generate(), true};
    if (source.file && *source.file == "-") {
        return {first_line_as_password(standard_input(), "standard input"), false};
    }
    if (source.file)
        return {first_line_as_password(read_file(*source.file), source.file->string())};
    if (::isatty(STDIN_FILENO) != 1) {
        const auto text = standard_input();
        if (!text.empty()) return {first_line_as_password(text, "standard input"), false};
        if (may_generate) return {generate(), true};
        throw StartupError("no password: use --password-file FILE ('-' is standard input)");
    }
    const auto password = ask(prompt);
    if (password.empty() && may_generate) return {generate(), true};
    if (password.empty()) throw StartupError("the password is empty");
    if (ask("Again") != password) throw StartupError("the two passwords differ");
    return {Secret(password), false};
}

Secret first_line_as_password(const std::string& text, const std::string& origin) {
    auto line = text.substr(0, text.find('\n'));
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) throw StartupError(fmt::format("the first line of {} is empty", origin));
    return Secret(std::move(line));
}

}  // namespace sluice::ctl
