# Writes a .cpp that holds files as byte arrays.
#   cmake -D OUTPUT=x.cpp -D ROOT=folder -D "FILES=a;b" -P embed.cmake
set(arrays "")
set(rows "")
set(index 0)
foreach(file IN LISTS FILES)
    file(READ "${ROOT}/${file}" hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(................................................................................)"
                         "\\1\n    " bytes "${bytes}")
    string(APPEND arrays "constexpr unsigned char file_${index}[] = {\n    ${bytes}0x00};\n")
    string(APPEND rows "    {\"${file}\", view(file_${index}, sizeof(file_${index}) - 1)},\n")
    math(EXPR index "${index} + 1")
endforeach()
file(WRITE "${OUTPUT}.new" "#include \"auth/web/embedded.hpp\"

namespace sluice::auth {

namespace {

std::string_view view(const unsigned char* bytes, std::size_t size) {
    return {reinterpret_cast<const char*>(bytes), size};
}

${arrays}
}  // namespace

const std::vector<EmbeddedFile>& embedded_files() {
    static const std::vector<EmbeddedFile> files{
${rows}    };
    return files;
}

}  // namespace sluice::auth
")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
