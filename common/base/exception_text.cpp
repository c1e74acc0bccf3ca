#include "common/base/exception_text.hpp"

#include <exception>

namespace sluice {

std::string current_exception_text() {
    try {
        throw;
    } catch (const std::exception& exception) {
        return exception.what();
    } catch (...) {
        return "unknown exception";
    }
}

}  // namespace sluice
