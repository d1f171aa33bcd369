# Warnings and sanitizers for Sentinel's own code; what is borrowed is included as SYSTEM.

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Werror)
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 takes Asio's recycling of coroutine frames for a mismatch …
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-mismatched-new-delete>)
  if(SENTINEL_SANITIZE)
    # … and invents out-of-bounds accesses in instrumented code of the standard library.
    add_compile_options(-Wno-stringop-overflow -Wno-array-bounds -Wno-maybe-uninitialized -Wno-tsan)
  endif()
endif()

if(SENTINEL_SANITIZE)
  add_compile_options(-fsanitize=${SENTINEL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SENTINEL_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND SENTINEL_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=function)  # clang 14 objects to coroutine frames
  endif()
endif()
