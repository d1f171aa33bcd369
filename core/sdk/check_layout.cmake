# Holds the ABI's layout to what is committed: cmake -DPROGRAM=<sentinel_abi_layout> -DFOLDER=<core/sdk> -P check_layout.cmake
#
# The layout of the version that abi.h names must be in FOLDER/abi-<version>.layout, word for word, and must hold every
# member of the earlier minors, where they had it: structs grow at their end alone.
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE layout COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCH "^abi ([0-9]+)\\.([0-9]+)\n" first "${layout}")
set(major ${CMAKE_MATCH_1})
set(minor ${CMAKE_MATCH_2})
set(file ${FOLDER}/abi-${major}.${minor}.layout)

if(NOT EXISTS ${file})
  message(FATAL_ERROR "abi.h says ABI ${major}.${minor}, whose layout is not committed yet: write it with\n"
                      "  ${PROGRAM} > ${file}")
endif()

# Lines of `text` that are not in `reference`, as text.
function(lines_missing out text reference)
  string(REPLACE ";" "\\;" text "${text}")
  string(REPLACE "\n" ";" lines "${text}")
  set(missing "")
  foreach(line IN LISTS lines)
    string(FIND "\n${reference}\n" "\n${line}\n" at)
    if(at EQUAL -1)
      string(APPEND missing "  ${line}\n")
    endif()
  endforeach()
  set(${out} "${missing}" PARENT_SCOPE)
endfunction()

# layout.cpp is written by hand: what it leaves out would change unseen.
file(STRINGS ${FOLDER}/include/sentinel/abi.h names REGEX "^} sentinel_[a-z_]+;")
foreach(line IN LISTS names)
  string(REGEX MATCH "sentinel_[a-z_]+" name ${line})
  string(FIND "${layout}" "struct ${name} size" at)
  string(FIND "${layout}" "enum ${name}\n" at_enum)
  if(at EQUAL -1 AND at_enum EQUAL -1)
    message(FATAL_ERROR "abi.h has ${name}, which ${FOLDER}/layout.cpp does not list: add it there")
  endif()
endforeach()
file(STRINGS ${FOLDER}/include/sentinel/abi.h lines REGEX "SENTINEL_[A-Z_0-9]+ = [0-9]+")
foreach(line IN LISTS lines)
  string(REGEX MATCHALL "SENTINEL_[A-Z_0-9]+ = [0-9]+" values "${line}")
  foreach(value IN LISTS values)
    string(FIND "${layout}" "value ${value}\n" at)
    if(at EQUAL -1)
      message(FATAL_ERROR "abi.h has ${value}, which ${FOLDER}/layout.cpp does not list: add it there")
    endif()
  endforeach()
endforeach()

file(READ ${file} committed)
if(NOT layout STREQUAL committed)
  lines_missing(gone "${committed}" "${layout}")
  lines_missing(new "${layout}" "${committed}")
  message(FATAL_ERROR "abi.h is no longer what ABI ${major}.${minor} promised (${file}).\n"
                      "committed:\n${gone}now:\n${new}"
                      "Undo that, or move SENTINEL_ABI_MINOR when something was appended, SENTINEL_ABI_MAJOR when plugins "
                      "must be rebuilt, and commit the new version's layout.")
endif()

file(GLOB earlier ${FOLDER}/abi-${major}.*.layout)
foreach(other IN LISTS earlier)
  string(REGEX MATCH "abi-${major}\\.([0-9]+)\\.layout$" matched ${other})
  if(CMAKE_MATCH_1 LESS minor)
    file(READ ${other} promised)
    # What may change: the version's own line and the size of a struct that grew.
    string(REGEX REPLACE "(^|\n)(abi|struct) [^\n]*" "" promised "${promised}")
    lines_missing(gone "${promised}" "${layout}")
    if(gone)
      message(FATAL_ERROR "ABI ${major}.${minor} breaks what ${other} promised:\n${gone}"
                          "Structs grow at their end alone; anything else moves SENTINEL_ABI_MAJOR.")
    endif()
  endif()
endforeach()

if(STAMP)
  file(TOUCH ${STAMP})
endif()
