/* A kernel may keep every probe on a CPU from firing while a task runs that it shields, a
 * supervisor's for one. What softirqs do on top of that task then goes unseen and uncounted,
 * whoever they work for. It shows afterwards: another task runs than the one that was switched to.
 */
#ifndef ZCV_OBSERVER_BLIND_H
#define ZCV_OBSERVER_BLIND_H

#include "observer_read.h"
#include "observer_ring.h"

#define SOFTIRQ_NET_TX 2
#define SOFTIRQ_NET_RX 3
#define SOFTIRQ_TASKLET 6

const volatile __s64 softirqs_offset = 0; /* from a CPU's runqueue to its counts; 0 unknown */

/* Of this CPU; 0 unknown. */
static __always_inline __u64 own_runqueue(void) {
    if (!bpf_core_field_exists(struct sched_entity, cfs_rq)) return 0;
    struct task_struct* task = bpf_get_current_task_btf();
    struct cfs_rq* queue = task->se.cfs_rq;
    return queue ? READ_ADDRESS(cfs_rq, queue, rq) : 0;
}

/* How many softirqs have run here that packets go with. */
static __always_inline __u32 packet_softirqs(void) {
    const __u64 counts = own_runqueue() + softirqs_offset;
    return read_u32(counts + SOFTIRQ_NET_TX * 4) + read_u32(counts + SOFTIRQ_NET_RX * 4) +
           read_u32(counts + SOFTIRQ_TASKLET * 4);
}

/* Counts it where packets may have gone unseen until now. */
static __always_inline void note_blindness(struct zcv_counters* own) {
    const __u64 task = bpf_get_current_task();
    if (!softirqs_offset || !own->running || own->running == task) return;
    own->running = task;
    if (own->softirqs != packet_softirqs()) own->blind_spells++;
}

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
