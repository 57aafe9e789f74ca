#pragma once

// What the guest's init and the host agree upon.
#define ZCV_GUEST_COMMAND "/zcv-command"      // the words, each ended by a zero byte
#define ZCV_GUEST_MODULES "/zcv-modules"      // files of modules, one a line, in order
#define ZCV_GUEST_TRACE "/tmp/zcv-guest.zct"  // handed over when the command has ended
#define ZCV_GUEST_TEXT_PORT "zcv.text"        // virtio ports: what the command prints
#define ZCV_GUEST_TRACE_PORT "zcv.trace"      // the trace
#define ZCV_GUEST_STATUS_PORT "zcv.status"    // "begun", then "ended STATUS" or "lost STATUS"
