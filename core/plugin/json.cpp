// The one translation unit that pays for Boost.JSON, which is used from its headers alone.
#include <boost/json/src.hpp>
