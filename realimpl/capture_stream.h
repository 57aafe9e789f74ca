/* What zcv-capture, the only privileged part, writes to its output descriptor: frames. It knows no
 * file format and no model; the unprivileged side makes the .zct. */
#ifndef ZCV_CAPTURE_STREAM_H
#define ZCV_CAPTURE_STREAM_H

#include <linux/types.h>

enum zcv_frame_kind {
    ZCV_FRAME_READY = 1,  /* JSON: {"probes":[...],"missing":{probe: why}}; probes are attached */
    ZCV_FRAME_EVENTS = 2, /* struct zcv_event[] */
    ZCV_FRAME_TOTALS = 3, /* JSON of the totals; the last frame of an orderly end */
    ZCV_FRAME_FAILED = 4, /* text: why there is no capture; the process then exits with status 4 */
    ZCV_FRAME_STACK = 5,  /* JSON of a stack without its names: before the first record with it */
};

struct zcv_frame {
    __u32 kind;  /* enum zcv_frame_kind */
    __u32 bytes; /* of payload that follow */
};

#endif
