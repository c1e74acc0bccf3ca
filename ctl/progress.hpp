#pragma once

#include <string>

namespace sluice::ctl {

// What a command is doing, one line a step, on standard output. On a terminal a step shows at
// once and gets a check mark when it is done; elsewhere only the finished line is written.
class Progress {
public:
    Progress();
    void begin(const std::string& step);
    void done(const std::string& step, const std::string& detail);
    // Ends the line of a step that was begun and failed.
    void failed(const std::string& step);

private:
    bool terminal_;
    bool colour_;
};

}  // namespace sluice::ctl
