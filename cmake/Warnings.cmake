add_library(sluice_options INTERFACE)
target_compile_features(sluice_options INTERFACE cxx_std_20)
target_include_directories(sluice_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(sluice_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
    -Wimplicit-fallthrough -Wformat=2
    # GCC 12 takes Asio's frame allocator for a mismatched pair once it is inlined.
    $<$<CONFIG:Release>:-Wno-mismatched-new-delete>
    $<$<BOOL:${SLUICE_WERROR}>:-Werror>)

# Targets without I/O handle bytes from outside: narrowing there is a bug until shown otherwise.
add_library(sluice_strict_options INTERFACE)
target_compile_options(sluice_strict_options INTERFACE -Wconversion -Wsign-conversion)
