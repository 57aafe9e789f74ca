/* What zcv-capture, the only privileged part, writes to its output descriptor: frames. It knows no
 * file format and no model; the unprivileged side makes the .zct. */
#ifndef ZCV_CAPTURE_STREAM_H
#define ZCV_CAPTURE_STREAM_H

#include <linux/types.h>

#include "realimpl/observer_shared.h"

enum zcv_frame_kind {
    ZCV_FRAME_READY = 1,  /* JSON: {"probes":[...],"missing":{probe: why}}; probes are attached */
    ZCV_FRAME_EVENTS = 2, /* struct zcv_event[] */
    ZCV_FRAME_TOTALS = 3, /* JSON of the totals; the last frame of an orderly end */
    ZCV_FRAME_FAILED = 4, /* text: why there is no capture; the process then exits with status 4 */
    ZCV_FRAME_STACK = 5,  /* JSON of a stack without its names: before the first record with it */
    /* JSON: {"tgid":1,"maps":[{"begin":..,"end":..,"offset":..,"module":..}]}, the code that is
     * mapped into a process: before the first sample of it, and anew when it has changed */
    ZCV_FRAME_MAPS = 6,
    ZCV_FRAME_SAMPLE = 7, /* struct zcv_sample and memory from its stack pointer up: before the
                           * stack of the same number, whose callers can be told from it */
};

/* The registers of a thread, in the order of zcv_stack_sample. */
struct zcv_sample {
    __u32 number; /* of the stack */
    __u32 tgid;
    __u64 registers[ZCV_SAMPLE_REGISTERS];
};

struct zcv_frame {
    __u32 kind;  /* enum zcv_frame_kind */
    __u32 bytes; /* of payload that follow */
};

#endif
