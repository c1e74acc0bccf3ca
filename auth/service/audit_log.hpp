#pragma once

#include "auth/core/audit_event.hpp"

#include <filesystem>
#include <mutex>
#include <optional>

namespace sluice::auth {

// Appends audit events to a file, one JSON object a line, after the database has them. The table is
// the record; a line that cannot be written is reported in the log and does not fail the request.
// Any thread.
class AuditLog {
public:
    // Without a file it does nothing. Throws StartupError when the file cannot be opened.
    explicit AuditLog(std::optional<std::filesystem::path> file);
    ~AuditLog();
    AuditLog(const AuditLog&) = delete;
    AuditLog& operator=(const AuditLog&) = delete;

    void write(const AuditEvent& event);
    // After the file was moved away (log rotation).
    void reopen();

private:
    bool open();

    std::optional<std::filesystem::path> file_;
    std::mutex mutex_;
    int descriptor_ = -1;
};

}  // namespace sluice::auth
