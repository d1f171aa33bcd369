# All that `make install` (cmake --install) puts on a machine, in four components:
#  - runtime  bin/sentinel, lib/sentinel/plugins/*.so, etc/sentinel/sentinel.yaml, share/doc/sentinel
#  - sdk      include/sentinel/*, lib/cmake/sentinel: what find_package(sentinel) needs to make a plugin
#  - procfs   include/sentinel/procfs/*, lib/libsentinel_procfs.a: find_package(sentinel COMPONENTS procfs)
#  - bpf      include/sentinel/bpf/*, lib/libsentinel_bpf.a: find_package(sentinel COMPONENTS procfs bpf)
# The plugins' own rule stands in AddPlugin.cmake. `lib` is GNUInstallDirs' CMAKE_INSTALL_LIBDIR.
include(CMakePackageConfigHelpers)

# The names that a plugin links are the same in this tree and outside it.
add_library(sentinel::sdk ALIAS sentinel_sdk)
add_library(sentinel::procfs ALIAS sentinel_procfs)
add_library(sentinel::bpf ALIAS sentinel_bpf)
set_target_properties(sentinel_sdk PROPERTIES EXPORT_NAME sdk)
set_target_properties(sentinel_procfs PROPERTIES EXPORT_NAME procfs)
set_target_properties(sentinel_bpf PROPERTIES EXPORT_NAME bpf)

# The program, and the pipeline file of this tree with the paths of an installed one.
install(TARGETS sentinel RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)

set(config_dir ${CMAKE_INSTALL_SYSCONFDIR}/sentinel)
if(IS_ABSOLUTE "${config_dir}" OR IS_ABSOLUTE "${SENTINEL_PLUGIN_DIR}")
  set(plugin_path ${SENTINEL_PLUGIN_DIR})
  cmake_path(ABSOLUTE_PATH plugin_path BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX})
  set(state_dir ${CMAKE_INSTALL_FULL_LOCALSTATEDIR}/lib/sentinel)
else()
  # Relative, so that the file is right beneath whatever prefix it is installed to.
  file(RELATIVE_PATH plugin_path /${config_dir} /${SENTINEL_PLUGIN_DIR})
  file(RELATIVE_PATH state_dir /${config_dir} /${CMAKE_INSTALL_LOCALSTATEDIR}/lib/sentinel)
endif()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/sentinel.yaml)
file(READ ${PROJECT_SOURCE_DIR}/sentinel.yaml pipeline_file)
set(plugin_path "[${plugin_path}]")
# systemd sets STATE_DIRECTORY for a unit that has one; anyone else may.
set(state_dir "\${STATE_DIRECTORY:-${state_dir}}")
foreach(key plugin_path state_dir)
  string(REGEX REPLACE "(\n  ${key}: )[^ \n]+ *" "\\1${${key}}  " edited "${pipeline_file}")
  if(edited STREQUAL pipeline_file)
    message(FATAL_ERROR "sentinel.yaml has no agent.${key} for cmake/Install.cmake to replace in the installed file")
  endif()
  set(pipeline_file "${edited}")
endforeach()
string(REPLACE "directory: artifacts/snapshots" "directory: \"${state_dir}/snapshots\"" pipeline_file "${pipeline_file}")
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/installed/sentinel.yaml CONTENT "${pipeline_file}" @ONLY)

# A pipeline file that is there already is its owner's, who may have edited it.
install(CODE "
  set(folder \"${config_dir}\")
  cmake_path(ABSOLUTE_PATH folder BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\")
  foreach(file \"${PROJECT_BINARY_DIR}/installed/sentinel.yaml\" \"${PROJECT_SOURCE_DIR}/.env\")
    cmake_path(GET file FILENAME name)
    if(EXISTS \"\$ENV{DESTDIR}\${folder}/\${name}\")
      message(STATUS \"Kept as it is: \$ENV{DESTDIR}\${folder}/\${name}\")
    else()
      file(INSTALL \"\${file}\" DESTINATION \"\${folder}\")
    endif()
  endforeach()" COMPONENT runtime)
# The rules that ship are the agent's: their thresholds stand in .env, one's own rules in files of one's own.
install(FILES ${PROJECT_SOURCE_DIR}/rules/seed.yaml ${PROJECT_SOURCE_DIR}/rules/default.yaml
        DESTINATION ${config_dir}/rules COMPONENT runtime)

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)

# What authors of plugins need.
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sentinel)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/core/sdk/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk)
install(TARGETS sentinel_sdk EXPORT sentinel_sdk)
install(EXPORT sentinel_sdk NAMESPACE sentinel:: FILE sentinelSdk.cmake DESTINATION ${package_dir} COMPONENT sdk)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/sentinelConfig.cmake.in
  ${PROJECT_BINARY_DIR}/installed/sentinelConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/installed/sentinelConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/installed/sentinelConfig.cmake
  ${PROJECT_BINARY_DIR}/installed/sentinelConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/AddPlugin.cmake
  ${PROJECT_SOURCE_DIR}/cmake/plugin.map
  DESTINATION ${package_dir} COMPONENT sdk)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/core/procfs/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT procfs)
install(TARGETS sentinel_procfs EXPORT sentinel_procfs
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT procfs)
install(EXPORT sentinel_procfs NAMESPACE sentinel:: FILE sentinelProcfs.cmake
        DESTINATION ${package_dir} COMPONENT procfs)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/core/bpf/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT bpf)
install(TARGETS sentinel_bpf EXPORT sentinel_bpf
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT bpf)
install(EXPORT sentinel_bpf NAMESPACE sentinel:: FILE sentinelBpf.cmake
        DESTINATION ${package_dir} COMPONENT bpf)
