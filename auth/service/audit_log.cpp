#include "auth/service/audit_log.hpp"

#include "common/base/startup_error.hpp"
#include "common/observability/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace sluice::auth {

AuditLog::AuditLog(std::optional<std::filesystem::path> file) : file_(std::move(file)) {
    if (file_ && !open()) {
        throw StartupError("audit_log " + file_->string() +
                           ": cannot open it for writing: " + std::strerror(errno));
    }
}

AuditLog::~AuditLog() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

bool AuditLog::open() {
    const int opened = ::open(file_->c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (opened < 0) return false;
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = opened;
    return true;
}

void AuditLog::write(const AuditEvent& event) {
    if (!file_) return;
    const std::string line = to_json(event) + "\n";
    const std::lock_guard lock(mutex_);
    const ssize_t written = ::write(descriptor_, line.data(), line.size());
    if (written == static_cast<ssize_t>(line.size())) return;
    const char* reason = written < 0 ? std::strerror(errno) : "only a part was written";
    log::Log().error("audit line not written", {{"file", file_->string()}, {"reason", reason}});
}

void AuditLog::reopen() {
    if (!file_) return;
    const std::lock_guard lock(mutex_);
    if (open()) return;
    log::Log().error("audit log not reopened",
                     {{"file", file_->string()}, {"reason", std::strerror(errno)}});
}

}  // namespace sluice::auth
