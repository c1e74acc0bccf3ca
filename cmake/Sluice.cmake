set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set_property(GLOBAL PROPERTY JOB_POOLS sluice_link=1)
set(CMAKE_JOB_POOL_LINK sluice_link)

# sluice_library(name [SANS_IO] [UBSAN] SOURCES ... DEPS ...)
# A static library; sluice::<name without sluice_> is its alias. SANS_IO adds the strict warnings.
# The preset asan adds UndefinedBehaviorSanitizer to SANS_IO and UBSAN.
function(sluice_library name)
    cmake_parse_arguments(ARG "SANS_IO;UBSAN" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
    add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name} PUBLIC sluice_options ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
    if(ARG_SANS_IO)
        target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:sluice_strict_options>)
    endif()
    if(ARG_SANS_IO OR ARG_UBSAN)
        target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:sluice_ubsan_options>)
    endif()
    string(REGEX REPLACE "^sluice_" "" short_name ${name})
    add_library(sluice::${short_name} ALIAS ${name})
endfunction()

# sluice_binary(sluice-x SOURCES ... DEPS ...)
function(sluice_binary name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE sluice_options ${ARG_DEPS})
    target_compile_definitions(${name} PRIVATE SLUICE_VERSION="${PROJECT_VERSION}")
    install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()

# sluice_test(test_x [UBSAN] SOURCES ... DEPS ...): one GoogleTest binary a layer; ctest lists single
# cases. The folder's name is a label of them, and the target unit_<folder> builds its binaries.
function(sluice_test name)
    cmake_parse_arguments(ARG "UBSAN" "" "SOURCES;DEPS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE sluice_options ${ARG_DEPS} GTest::gtest GTest::gtest_main)
    if(ARG_UBSAN)
        target_link_libraries(${name} PRIVATE sluice_ubsan_options)
    endif()
    get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
        PROPERTIES LABELS ${folder} TIMEOUT 120)
    if(NOT TARGET unit_${folder})
        add_custom_target(unit_${folder})
    endif()
    add_dependencies(unit_${folder} ${name})
endfunction()

# sluice_fuzz_target(name DEPS ...): the libFuzzer binary fuzz_<name> of <name>.cpp; the target
# fuzz_targets builds all of them.
function(sluice_fuzz_target name)
    cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
    add_executable(fuzz_${name} ${name}.cpp entry.cpp)
    target_link_libraries(fuzz_${name}
        PRIVATE sluice_options sluice_strict_options sluice_ubsan_options ${ARG_DEPS})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzz_targets fuzz_${name})
endfunction()
