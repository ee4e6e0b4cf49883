# Warnings, hardening and sanitizers: one interface target that every folder links.
add_library(fxnode_options INTERFACE)
add_library(fxnode::options ALIAS fxnode_options)

target_compile_definitions(fxnode_options INTERFACE _GNU_SOURCE FXNODE_VERSION="${PROJECT_VERSION}")
target_include_directories(fxnode_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(fxnode_options INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
    -fstack-protector-strong -fno-omit-frame-pointer
    $<$<BOOL:${FXNODE_WERROR}>:-Werror>)
# A program asks for those libraries only that it calls: each that is loaded costs time at every start.
target_link_options(fxnode_options INTERFACE -Wl,-z,relro,-z,now,--as-needed)

# _FORTIFY_SOURCE needs an optimising build and confuses the sanitizers.
if(NOT FXNODE_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_compile_options(fxnode_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
if(FXNODE_SANITIZE)
    target_compile_options(fxnode_options INTERFACE -fsanitize=${FXNODE_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(fxnode_options INTERFACE -fsanitize=${FXNODE_SANITIZE})
endif()
if(FXNODE_FUZZ)
    # The fuzzer is blind in code that is not instrumented.
    target_compile_options(fxnode_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(FXNODE_TESTS)
    target_compile_definitions(fxnode_options INTERFACE FXNODE_CRASH_POINTS)
endif()
include(CheckPIESupported)
check_pie_supported()

# fxnode_library(NAME SOURCES... [LINK LIBS...]): a folder as one static library, alias fxnode::NAME.
function(fxnode_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
    add_library(fxnode_${name} STATIC ${ARG_SOURCES})
    add_library(fxnode::${name} ALIAS fxnode_${name})
    target_link_libraries(fxnode_${name} PUBLIC fxnode::options ${ARG_LINK})
endfunction()
