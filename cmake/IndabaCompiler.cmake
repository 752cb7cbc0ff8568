# How everything is compiled: warnings are errors, hardening is on, sanitizers by preset, ccache where it stands.
find_program(CCACHE ccache)
if(CCACHE)
  # Precompiled headers and ccache agree only with these (ccache manual, "Precompiled headers").
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()
if(INDABA_UNITY)
  set(CMAKE_UNITY_BUILD ON)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)
endif()
find_program(MOLD mold)
if(MOLD AND NOT INDABA_FUZZ)
  add_link_options(-fuse-ld=mold)
endif()

add_library(indaba_options INTERFACE)
target_include_directories(indaba_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
target_compile_options(indaba_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-align -Woverloaded-virtual
  -Wno-missing-field-initializers
  -fstack-protector-strong -fno-omit-frame-pointer
  # Every object alike, library or program: g++ refuses a precompiled header that was made with another choice.
  -fPIE)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees these through coroutine frames, std::variant and std::string where there is nothing (GCC bugs 105562, 105329, 107138).
  target_compile_options(indaba_options INTERFACE -fpch-preprocess -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds
    -fcf-protection -fstack-clash-protection)
  # Memory for time: without it a sixteenth of the time goes into collecting what a compiler that ends soon would give back anyway.
  target_compile_options(indaba_options INTERFACE "SHELL:--param ggc-min-heapsize=1048576")
  if(INDABA_UNITY)  # g++ takes a source that is included for a header, and warns of what has no linkage there
    target_compile_options(indaba_options INTERFACE -Wno-subobject-linkage)
  endif()
endif()
target_compile_definitions(indaba_options INTERFACE
  _GLIBCXX_ASSERTIONS SPDLOG_FMT_EXTERNAL SPDLOG_COMPILED_LIB BOOST_ALL_NO_LIB INDABA_VERSION="${PROJECT_VERSION}")
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT INDABA_SANITIZE)
  target_compile_definitions(indaba_options INTERFACE _FORTIFY_SOURCE=2)
endif()
target_link_options(indaba_options INTERFACE -Wl,-z,relro,-z,now -pie)
if(INDABA_SANITIZE)
  target_compile_options(indaba_options INTERFACE -fsanitize=${INDABA_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(indaba_options INTERFACE -fsanitize=${INDABA_SANITIZE})
  if(INDABA_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # The sanitizer does not see Asio's fences; only a test uses Asio, in one thread.
    target_compile_options(indaba_options INTERFACE -Wno-error=tsan)
  endif()
endif()
if(INDABA_FUZZ)
  target_compile_options(indaba_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
