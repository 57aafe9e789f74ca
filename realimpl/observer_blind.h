/* A kernel may keep every probe on a CPU from firing while a task runs that it shields, a
 * supervisor's for one. What softirqs do on top of that task then goes unseen and uncounted,
 * whoever they work for. It shows afterwards: another task runs than the one that was switched to.
 */
#ifndef ZCV_OBSERVER_BLIND_H
#define ZCV_OBSERVER_BLIND_H

#include "observer_state.h"

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct* prev, struct task_struct* next) {
    struct zcv_counters* own = own_counters();
    if (!own || !softirqs_offset) return 0;
    note_blindness(own);
    own->softirqs = packet_softirqs();
    own->running = (__u64)next;
    return 0;
}

#endif
