# sentinel_add_bpf(TARGET SOURCE.bpf.c)
#
# Compiles a BPF program (CO-RE: one object for every kernel with BTF) into an interface library TARGET, to be linked by
# the plugin that loads it. It gives the header <SOURCE>.skel.h with the object's bytes. Needs clang and bpftool, and no
# kernel headers or BTF of the host: the kernel's types come from core/bpf/include/sentinel/bpf/kernel.bpf.h.
include_guard()

find_program(SENTINEL_BPF_CLANG NAMES clang-14 clang-18 clang REQUIRED)
find_program(SENTINEL_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

function(sentinel_add_bpf target source)
  cmake_path(GET source STEM name)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${target})
  set(object ${folder}/${name}.raw.o)
  set(linked ${folder}/${name}.bpf.o)
  set(skeleton ${folder}/${name}.skel.h)
  string(TOUPPER ${CMAKE_SYSTEM_PROCESSOR} machine)
  if(machine STREQUAL "X86_64")
    set(arch x86)
  elseif(machine STREQUAL "AARCH64")
    set(arch arm64)
  else()
    message(FATAL_ERROR "sentinel_add_bpf: no BPF target architecture is known for ${CMAKE_SYSTEM_PROCESSOR}")
  endif()
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
    COMMAND ${SENTINEL_BPF_CLANG} -target bpf -D__TARGET_ARCH_${arch} -O2 -g -Wall -Wextra -Werror
            -Wno-unused-parameter -Wno-missing-declarations -idirafter /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
            -I${PROJECT_SOURCE_DIR}/core/bpf/include -I${PROJECT_SOURCE_DIR}
            -MD -MF ${object}.d -MT ${skeleton} -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
    # Joins and strips: debug information goes, BTF stays.
    COMMAND ${SENTINEL_BPFTOOL} gen object ${linked} ${object}
    COMMAND ${SENTINEL_BPFTOOL} gen skeleton ${linked} name ${name}_bpf > ${skeleton}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source}
    DEPFILE ${object}.d
    COMMENT "Compiling BPF program ${name}"
    VERBATIM)
  add_custom_target(${target}_skeleton DEPENDS ${skeleton})
  add_library(${target} INTERFACE)
  target_include_directories(${target} SYSTEM INTERFACE ${folder})
  target_link_libraries(${target} INTERFACE sentinel_bpf)
  add_dependencies(${target} ${target}_skeleton)
endfunction()
