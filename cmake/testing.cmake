# fxnode_suite(NAME SOURCES... LINK LIBS... [TIMEOUT SECONDS]): a Check program test-NAME, run by CTest with
# the labels "unit" and "suite". TIMEOUT is what is long for it on a quiet machine; it is ended where it takes
# far longer, on a busy one and with sanitizers too. Those that may take longest begin first.
function(fxnode_suite name)
    cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK" ${ARGN})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 60)
    endif()
    add_executable(test-${name} ${ARG_SOURCES})
    target_link_libraries(test-${name} PRIVATE ${ARG_LINK} PkgConfig::CHECK Threads::Threads)
    add_test(NAME unit/${name} COMMAND test-${name})
    math(EXPR limit "${ARG_TIMEOUT} * 10")
    # Check's own limit of 4 s a test is one of a quiet machine; CTest's limit ends what hangs.
    set_tests_properties(unit/${name} PROPERTIES LABELS "unit;suite" TIMEOUT ${limit}
        COST ${ARG_TIMEOUT} ENVIRONMENT CK_TIMEOUT_MULTIPLIER=30)
endfunction()

# fxnode_fuzz(NAME SOURCES... LINK LIBS...): LLVMFuzzerTestOneInput of fuzz-NAME. Where the compiler has no
# libFuzzer the same program replays files; in both cases CTest runs it over tests/fuzz/corpus/NAME.
function(fxnode_fuzz name)
    cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
    add_executable(fuzz-${name} ${ARG_SOURCES})
    target_link_libraries(fuzz-${name} PRIVATE ${ARG_LINK} Threads::Threads)
    set(corpus ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    if(FXNODE_FUZZ)
        target_compile_options(fuzz-${name} PRIVATE -fsanitize=fuzzer)
        target_link_options(fuzz-${name} PRIVATE -fsanitize=fuzzer)
        add_test(NAME fuzz/${name} COMMAND fuzz-${name} -runs=0 ${corpus})
    else()
        target_sources(fuzz-${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.c)
        add_test(NAME fuzz/${name} COMMAND fuzz-${name} ${corpus})
    endif()
    set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz TIMEOUT 600)
endfunction()
