# Address and thread sanitizer apply to everything; undefined only to targets without I/O, where
# it is cheap: on coroutine code it multiplies the build time (docs/hacking.md).
if("address" IN_LIST SLUICE_SANITIZE)
    add_compile_options(-fsanitize=address)
    add_link_options(-fsanitize=address)
endif()
if("thread" IN_LIST SLUICE_SANITIZE)
    add_compile_options(-fsanitize=thread)
    add_link_options(-fsanitize=thread)
endif()
add_library(sluice_ubsan_options INTERFACE)
if("undefined" IN_LIST SLUICE_SANITIZE)
    target_compile_options(sluice_ubsan_options INTERFACE
        -fsanitize=undefined -fno-sanitize-recover=undefined)
    add_link_options(-fsanitize=undefined)
endif()
# Coverage counters for libFuzzer, whose main() the fuzz targets alone link (clang only).
if("fuzzer" IN_LIST SLUICE_SANITIZE)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
