#pragma once

#include <string_view>

/// A line of /proc/meminfo (fs/proc/meminfo.c, Documentation/filesystems/proc.rst) and what it tells.
struct KnownField {
  std::string_view name;
  std::string_view help;
  bool is_kib = true;
  /// Instead of the name in snake case, where that has a syllable that promtool takes for an abbreviated unit.
  std::string_view key = {};
};

/// Declared whether this kernel prints them or not, so that a tree that turns up later loses none. A line that is not
/// here is declared when it is met at creation.
inline constexpr KnownField known_fields[] = {
    {"MemTotal", "Usable memory: RAM without what firmware and the kernel's code keep."},
    {"MemFree", "Memory used for nothing."},
    {"MemAvailable", "Estimate of the memory that new programs can have without swapping."},
    {"Buffers", "Cache of raw block devices."},
    {"Cached", "Page cache of files, tmpfs included, swap cache left out."},
    {"SwapCached", "Memory that was swapped in and still has its copy in swap."},
    {"Active", "Memory used of late, reclaimed last."},
    {"Inactive", "Memory not used of late, reclaimed first."},
    {"Active(anon)", "Anonymous and tmpfs memory used of late."},
    {"Inactive(anon)", "Anonymous and tmpfs memory not used of late."},
    {"Active(file)", "Page cache used of late."},
    {"Inactive(file)", "Page cache not used of late."},
    {"Unevictable", "Memory that cannot be reclaimed, such as locked memory."},
    {"Mlocked", "Memory locked by mlock(2)."},
    {"HighTotal", "Memory that the kernel does not map for good (32 bit)."},
    {"HighFree", "Free memory that the kernel does not map for good (32 bit)."},
    {"LowTotal", "Memory that the kernel maps for good (32 bit)."},
    {"LowFree", "Free memory that the kernel maps for good (32 bit)."},
    {"MmapCopy", "Memory of mapped copies on machines without an MMU."},
    {"SwapTotal", "Swap space."},
    {"SwapFree", "Swap space in no use."},
    {"Zswap", "Memory that compressed swap takes."},
    {"Zswapped", "Anonymous memory held in compressed swap, before compression."},
    {"Dirty", "Page cache that waits to be written to disk."},
    {"Writeback", "Page cache that is being written to disk."},
    {"AnonPages", "Anonymous memory mapped by processes."},
    {"Mapped", "Files mapped by processes, such as libraries."},
    {"Shmem", "tmpfs and shared memory."},
    {"KReclaimable", "Kernel memory that can be reclaimed under pressure, slab included."},
    {"Slab", "Memory of the kernel's object caches."},
    {"SReclaimable", "The part of Slab that can be reclaimed.", true, "slab_reclaimable"},
    {"SUnreclaim", "The part of Slab that cannot be reclaimed.", true, "slab_unreclaimable"},
    {"KernelStack", "Memory of all tasks' kernel stacks."},
    {"ShadowCallStack", "Memory of shadow call stacks (arm64)."},
    {"PageTables", "Memory of page tables."},
    {"SecPageTables", "Memory of secondary page tables, such as KVM's.", true, "secondary_page_tables"},
    {"Quicklists", "Cached page tables (before Linux 5.4)."},
    {"NFS_Unstable", "Pages sent to an NFS server and not yet stable there (0 since Linux 5.8)."},
    {"Bounce", "Bounce buffers of block devices."},
    {"WritebackTmp", "FUSE's buffers for writeback."},
    {"CommitLimit", "Memory that may be promised under vm.overcommit_memory=2."},
    {"Committed_AS", "Memory promised to all processes, used or not."},
    {"VmallocTotal", "Address space of vmalloc."},
    {"VmallocUsed", "Memory in use by vmalloc."},
    {"VmallocChunk", "Largest free chunk of vmalloc's space (0 since Linux 4.4)."},
    {"Percpu", "Memory of per-CPU allocations."},
    {"EarlyMemtestBad", "Memory that the early memory test found bad."},
    {"HardwareCorrupted", "Memory that the kernel withdrew as broken."},
    {"AnonHugePages", "Anonymous memory in transparent huge pages."},
    {"ShmemHugePages", "tmpfs and shared memory in transparent huge pages."},
    {"ShmemPmdMapped", "tmpfs and shared memory mapped by huge pages."},
    {"FileHugePages", "Page cache in transparent huge pages."},
    {"FilePmdMapped", "Page cache mapped by huge pages."},
    {"CmaTotal", "Memory of the contiguous memory allocator."},
    {"CmaFree", "Free memory of the contiguous memory allocator."},
    {"Unaccepted", "Memory that a confidential guest has not accepted yet."},
    {"Balloon", "Memory given back to the hypervisor."},
    {"GPUActive", "Memory in use by GPUs."},
    {"GPUReclaim", "Memory of GPUs that can be reclaimed."},
    {"HugePages_Total", "Pages in the pool of huge pages of the default size.", false},
    {"HugePages_Free", "Pages of the pool that are not allocated.", false},
    {"HugePages_Rsvd", "Pages of the pool that are promised and not yet allocated.", false},
    {"HugePages_Surp", "Pages above vm.nr_hugepages.", false},
    {"Hugepagesize", "Default size of a huge page."},
    {"Hugetlb", "Memory of huge pages of all sizes."},
    {"DirectMap4k", "Kernel mapping by pages of 4 KiB."},
    {"DirectMap64k", "Kernel mapping by pages of 64 KiB."},
    {"DirectMap1M", "Kernel mapping by pages of 1 MiB."},
    {"DirectMap2M", "Kernel mapping by pages of 2 MiB."},
    {"DirectMap4M", "Kernel mapping by pages of 4 MiB."},
    {"DirectMap1G", "Kernel mapping by pages of 1 GiB."},
    {"DirectMap2G", "Kernel mapping by pages of 2 GiB."},
};
