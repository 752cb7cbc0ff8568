# The web client, compiled in where `web/dist` was built before; see scripts/embed-assets.
function(indaba_embed_assets target folder)
  find_program(PYTHON3 python3 REQUIRED)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${folder}/*)
  set(out ${CMAKE_BINARY_DIR}/generated/ops/embedded_assets.cpp)
  set_source_files_properties(${out} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)  # only there once it is built
  # The list of files is a dependency of its own, so that a file that goes is noticed too.
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/generated/ops/assets.txt CONTENT "${files}\n")
  add_custom_command(OUTPUT ${out}
    COMMAND ${PYTHON3} ${CMAKE_SOURCE_DIR}/scripts/embed-assets ${folder} ${out}
    DEPENDS ${files} ${CMAKE_BINARY_DIR}/generated/ops/assets.txt ${CMAKE_SOURCE_DIR}/scripts/embed-assets VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
