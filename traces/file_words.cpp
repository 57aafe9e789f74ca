#include "traces/file_words.hpp"

#include <fmt/format.h>

#include <cctype>
#include <system_error>

namespace zcv {

std::string printable(std::string_view path) {
    if (path.empty()) return "\"\"";
    std::string shown;
    for (const char character : path) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte < 0x20 || byte == 0x7f) {
            shown += fmt::format("\\x{:02x}", byte);
        } else {
            shown += character;
        }
    }
    return shown;
}

std::string error_words(int error) {
    std::string words = std::generic_category().message(error);
    if (!words.empty()) {
        words[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(words[0])));
    }
    return words;
}

}  // namespace zcv
