# Address and thread sanitizer apply to everything; undefined only to targets without I/O and those
# marked UBSAN: on coroutine code it multiplies the build time (docs/hacking.md).
if(SLUICE_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Instrumented code misleads this warning of GCC; the other presets have it.
    add_compile_options(-Wno-maybe-uninitialized)
endif()
if("address" IN_LIST SLUICE_SANITIZE)
    add_compile_options(-fsanitize=address)
    add_link_options(-fsanitize=address)
endif()
if("thread" IN_LIST SLUICE_SANITIZE)
    add_compile_options(-fsanitize=thread)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # Asio's fences, which it does not see, only accompany locks, which it does.
        add_compile_options(-Wno-tsan)
        # As in cmake/Warnings.cmake.
        add_compile_options(-Wno-mismatched-new-delete)
    endif()
    add_link_options(-fsanitize=thread)
endif()
add_library(sluice_ubsan_options INTERFACE)
if("undefined" IN_LIST SLUICE_SANITIZE)
    target_compile_options(sluice_ubsan_options INTERFACE
        -fsanitize=undefined -fno-sanitize-recover=undefined
        # It needs a file descriptor for every check, and a test takes all of them away.
        -fno-sanitize=vptr
        # As in cmake/Warnings.cmake.
        -Wno-mismatched-new-delete)
    add_link_options(-fsanitize=undefined)
endif()
# Coverage counters for libFuzzer, whose main() the fuzz targets alone link (clang only).
if("fuzzer" IN_LIST SLUICE_SANITIZE)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
