#include "ctl/table.hpp"

#include "common/base/text.hpp"

#include <algorithm>

namespace sluice::ctl {

namespace {

// Code points, which is close enough to columns for names and addresses.
std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
}

}  // namespace

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::vector<std::string>> cells;
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        auto& line = cells.emplace_back();
        widths.resize(std::max(widths.size(), row.size()));
        for (const auto& cell : row) {
            line.push_back(printable(cell));
            auto& widest = widths[line.size() - 1];
            widest = std::max(widest, width(line.back()));
        }
    }
    std::string text;
    for (const auto& line : cells) {
        std::string out;
        for (std::size_t i = 0; i < line.size(); ++i) {
            out += line[i];
            out.append(widths[i] - width(line[i]) + 2, ' ');
        }
        out.erase(out.find_last_not_of(' ') + 1);
        text += out + "\n";
    }
    return text;
}

}  // namespace sluice::ctl
