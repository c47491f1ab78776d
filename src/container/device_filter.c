/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device rules as an eBPF program for BPF_CGROUP_DEVICE.  The last rule that matches decides, so the program tests them
 * from the last to the first, and denies when none matches.  An allowing rule matches when it grants all that is asked
 * for, a denying one when it has any of it.
 *   r2 = type, r3 = access, r4 = major, r5 = minor
 */
#include "container/cgroup.h"

#include "base/str.h"

#include <linux/bpf.h>
#include <sys/syscall.h>

#define INSNS_MAX 4096

struct program {
        struct bpf_insn insns[INSNS_MAX];
        size_t n;
};

static void emit(struct program *p, struct bpf_insn insn) {
        if (p->n < INSNS_MAX)
                p->insns[p->n] = insn;
        p->n++;
}

static void load(struct program *p, int reg, int offset) {
        emit(p, (struct bpf_insn){ .code = BPF_LDX | BPF_W | BPF_MEM,
                                    .dst_reg = (uint8_t) reg,
                                    .src_reg = BPF_REG_1,
                                    .off = (int16_t) offset });
}

static void alu(struct program *p, int op, int reg, int32_t imm) {
        emit(p, (struct bpf_insn){ .code = (uint8_t) (BPF_ALU | op | BPF_K), .dst_reg = (uint8_t) reg, .imm = imm });
}

/* Jump, to be patched to the end of the rule. */
static void jump_out(struct program *p, int op, int reg, int64_t imm) {
        emit(p, (struct bpf_insn){
                        .code = (uint8_t) (BPF_JMP32 | op | BPF_K), .dst_reg = (uint8_t) reg, .imm = (int32_t) imm });
}

static void give(struct program *p, int value) {
        emit(p, (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = value });
        emit(p, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT });
}

/* Return: whether a device may get past the rule; the verifier refuses code that nothing reaches. */
static bool add_rule(struct program *p, const struct machine_device_rule *d) {
        size_t start = p->n;
        int32_t access = (d->read ? BPF_DEVCG_ACC_READ : 0) | (d->write ? BPF_DEVCG_ACC_WRITE : 0) |
                         (d->mknod ? BPF_DEVCG_ACC_MKNOD : 0);
        if (d->type != 'a')
                jump_out(p, BPF_JNE, BPF_REG_2, d->type == 'c' ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK);
        if (access != 7) {
                emit(p, (struct bpf_insn){
                                .code = BPF_ALU | BPF_MOV | BPF_X, .dst_reg = BPF_REG_0, .src_reg = BPF_REG_3 });
                alu(p, BPF_AND, BPF_REG_0, d->allow ? 7 & ~access : access);
                jump_out(p, d->allow ? BPF_JNE : BPF_JEQ, BPF_REG_0, 0);
        }
        if (d->major >= 0)
                jump_out(p, BPF_JNE, BPF_REG_4, d->major);
        if (d->minor >= 0)
                jump_out(p, BPF_JNE, BPF_REG_5, d->minor);
        bool conditional = p->n > start;
        give(p, d->allow);
        for (size_t i = start; i < p->n && i < INSNS_MAX; i++)
                if (BPF_CLASS(p->insns[i].code) == BPF_JMP32)
                        p->insns[i].off = (int16_t) (p->n - i - 1);
        return conditional;
}

int device_filter_attach(int dir, const struct machine_device_rule *rules, size_t n, struct souk_err *err) {
        _cleanup_free_ struct program *p = xcalloc(1, sizeof(*p));
        load(p, BPF_REG_2, 0);
        alu(p, BPF_AND, BPF_REG_2, 0xffff);
        load(p, BPF_REG_3, 0);
        alu(p, BPF_RSH, BPF_REG_3, 16);
        load(p, BPF_REG_4, 4);
        load(p, BPF_REG_5, 8);
        bool open_end = true;
        for (size_t i = n; i-- > 0 && open_end;)
                open_end = add_rule(p, &rules[i]);
        if (open_end)
                give(p, 0);
        if (p->n > INSNS_MAX)
                return souk_err_set(err, SOUK_LIMIT, -E2BIG, "too many device rules");
        union bpf_attr load_attr = {
                .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
                .insns = (uint64_t) (uintptr_t) p->insns,
                .insn_cnt = (uint32_t) p->n,
                .license = (uint64_t) (uintptr_t) "GPL",
        };
        _cleanup_close_ int prog = (int) syscall(SYS_bpf, BPF_PROG_LOAD, &load_attr, sizeof(load_attr));
        if (prog < 0)
                return souk_err_errno(err, errno, "loading the device filter (eBPF)");
        union bpf_attr attach = {
                .target_fd = (uint32_t) dir,
                .attach_bpf_fd = (uint32_t) prog,
                .attach_type = BPF_CGROUP_DEVICE,
                .attach_flags = BPF_F_ALLOW_MULTI,
        };
        if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)) < 0)
                return souk_err_errno(err, errno, "attaching the device filter (eBPF)");
        return 0;
}
