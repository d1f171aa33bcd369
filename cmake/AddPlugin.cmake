# sentinel_add_plugin(NAME SOURCES… [LIBRARIES…] [OUTPUT_DIRECTORY folder])
#
# A plugin as a shared object NAME.so that the agent can unload again, here and in projects that find_package(sentinel).
# It is built to <build>/plugins and installed beside the agent's plugins; one with an OUTPUT_DIRECTORY of its own is
# built there and not installed. What makes it unloadable:
#  - a version script that exports the entry function alone, so that no inline variable or template of the C++ library
#    becomes a process-wide symbol;
#  - -fno-gnu-unique (g++), because a GNU-unique symbol keeps the object mapped after dlclose, which still returns 0;
#  - -z defs, because an undefined symbol must break the link, not the agent an hour later.
include_guard()

set(SENTINEL_PLUGIN_VERSION_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/plugin.map)
if(NOT DEFINED SENTINEL_PLUGIN_DIR)
  include(GNUInstallDirs)
  set(SENTINEL_PLUGIN_DIR ${CMAKE_INSTALL_LIBDIR}/sentinel/plugins)
endif()

function(sentinel_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "OUTPUT_DIRECTORY" "SOURCES;LIBRARIES")
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "sentinel_add_plugin(${name}): name the SOURCES")
  endif()
  add_library(${name} MODULE ${arg_SOURCES})
  if(NOT arg_OUTPUT_DIRECTORY)
    set(arg_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
    install(TARGETS ${name} LIBRARY DESTINATION ${SENTINEL_PLUGIN_DIR} COMPONENT runtime)
  endif()
  target_link_libraries(${name} PRIVATE sentinel::sdk ${arg_LIBRARIES})
  target_compile_features(${name} PRIVATE cxx_std_20)
  set_target_properties(${name} PROPERTIES
    PREFIX ""
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON
    LINK_DEPENDS ${SENTINEL_PLUGIN_VERSION_SCRIPT}
    LIBRARY_OUTPUT_DIRECTORY ${arg_OUTPUT_DIRECTORY})
  target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  target_link_options(${name} PRIVATE
    -Wl,--version-script=${SENTINEL_PLUGIN_VERSION_SCRIPT} -Wl,-z,now -Wl,--as-needed)
  if(NOT SENTINEL_SANITIZE)
    # A sanitizer's run-time lives in the agent, so a sanitized plugin has symbols that only the agent resolves.
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
endfunction()
