# Warnings and sanitizers for Sentinel's own code; what is borrowed is included as SYSTEM.

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Werror)
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND SENTINEL_SANITIZE)
  # g++ 12 invents out-of-bounds accesses and mismatched deletes in instrumented code of the standard library and Asio.
  add_compile_options(-Wno-stringop-overflow -Wno-array-bounds -Wno-maybe-uninitialized -Wno-mismatched-new-delete -Wno-tsan)
endif()

if(SENTINEL_SANITIZE)
  add_compile_options(-fsanitize=${SENTINEL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SENTINEL_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND SENTINEL_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=function)  # clang 14 objects to coroutine frames
  endif()
endif()
