-- The reference model for rumur, which reads Murphi. @B@, @R@, @K@ and @Q@ are replaced by numbers;
-- scalarsets cost nothing while its symmetry reduction is off. Names as in the TLA+ definition.
type
  buf_t: scalarset(@B@);
  req_t: scalarset(@R@);
  place_t: 0..@K@ - 1;
  buf_s: enum {b_free, b_written, b_inflight};
  pc_s: enum {p_idle, p_submitted, p_errposted, p_issuing, p_posted, p_issued, p_tw, p_notifposted};
  skb_s: enum {s_none, s_queued, s_cloned, s_cloneonly, s_dev, s_afterclone, s_copied};
  kind_s: enum {c_err, c_more, c_notif};
var
  buf: array [buf_t] of buf_s;
  pc: array [req_t] of pc_s;
  rb: array [req_t] of buf_t;
  ref: array [req_t] of 0..@K@ + 1;
  nskb: array [req_t] of 0..@K@;
  got: array [req_t] of boolean;
  skb: array [req_t] of array [place_t] of skb_s;
  kind: array [0..@Q@ - 1] of kind_s;
  whose: array [0..@Q@ - 1] of req_t;
  used: 0..@Q@;

function holds(s: skb_s): boolean;
begin return s != s_none & s != s_copied; end;

function holders(r: req_t): 0..@K@ + 1; var n: 0..@K@ + 1;
begin
  n := 0;
  if pc[r] = p_issuing | pc[r] = p_posted then n := 1; end;
  for k: place_t do if holds(skb[r][k]) then n := n + 1; end; end;
  return n;
end;

procedure push(k: kind_s; r: req_t);
begin kind[used] := k; whose[used] := r; used := used + 1; end;

procedure pop();
begin
  for i := 0 to @Q@ - 2 do
    if i + 1 < used then kind[i] := kind[i + 1]; whose[i] := whose[i + 1]; end;
  end;
  used := used - 1;
  undefine kind[used];
  undefine whose[used];
end;

procedure drop(r: req_t);
begin
  if ref[r] = 1 & pc[r] = p_issued then pc[r] := p_tw; end;
  ref[r] := ref[r] - 1;
end;

procedure release(r: req_t);
begin buf[rb[r]] := b_free; undefine rb[r]; pc[r] := p_idle; end;

startstate begin
  for b: buf_t do buf[b] := b_free; end;
  for r: req_t do
    pc[r] := p_idle; undefine rb[r]; ref[r] := 0; nskb[r] := 0; got[r] := false;
    for k: place_t do skb[r][k] := s_none; end;
  end;
  for i := 0 to @Q@ - 1 do undefine kind[i]; undefine whose[i]; end;
  used := 0;
end;

ruleset b: buf_t do
  rule "Write" buf[b] = b_free ==> begin buf[b] := b_written; end;
  ruleset r: req_t do
    rule "Submit" buf[b] = b_written & pc[r] = p_idle ==>
    begin buf[b] := b_inflight; pc[r] := p_submitted; rb[r] := b; end;
  end;
end;

rule "ConsumeErr" used > 0 & kind[0] = c_err ==> var r: req_t;
begin r := whose[0]; pop(); release(r); end;
rule "ConsumeMore" used > 0 & kind[0] = c_more ==> var r: req_t;
begin r := whose[0]; pop(); got[r] := true; end;
rule "ConsumeNotif" used > 0 & kind[0] = c_notif ==> var r: req_t;
begin r := whose[0]; pop(); got[r] := false; release(r); end;

ruleset r: req_t do
  rule "Issue" pc[r] = p_submitted & forall k: place_t do skb[r][k] = s_none end ==>
  begin pc[r] := p_issuing; ref[r] := 1; end;
  rule "FailEarly" pc[r] = p_submitted & used < @Q@ ==>
  begin pc[r] := p_errposted; push(c_err, r); end;
  rule "Attach" pc[r] = p_issuing & nskb[r] < @K@ ==>
  begin skb[r][nskb[r]] := s_queued; nskb[r] := nskb[r] + 1; ref[r] := ref[r] + 1; end;
  rule "Post" pc[r] = p_issuing & used < @Q@ ==> begin pc[r] := p_posted; push(c_more, r); end;
  rule "DropSubmit" pc[r] = p_posted ==>
  begin pc[r] := p_issued; nskb[r] := 0; drop(r); end;
  rule "TaskWork" pc[r] = p_tw & used < @Q@ ==>
  begin pc[r] := p_notifposted; push(c_notif, r); end;
  ruleset k: place_t do
    rule "Clone" skb[r][k] = s_queued ==> begin skb[r][k] := s_cloned; end;
    rule "Xmit" skb[r][k] = s_queued ==> begin skb[r][k] := s_dev; end;
    rule "Free" holds(skb[r][k]) & skb[r][k] != s_cloned ==>
    begin skb[r][k] := s_none; drop(r); end;
    rule "Copy" skb[r][k] = s_queued | skb[r][k] = s_afterclone ==>
    begin skb[r][k] := s_copied; drop(r); end;
    rule "FreeCopy" skb[r][k] = s_copied ==> begin skb[r][k] := s_none; end;
    rule "CloneDone" skb[r][k] = s_cloned ==> begin skb[r][k] := s_afterclone; end;
    rule "OrigAcked" skb[r][k] = s_cloned ==> begin skb[r][k] := s_cloneonly; end;
  end;
end;

invariant "ref-exact" forall r: req_t do ref[r] = holders(r) end;
invariant "no-app-owned" forall r: req_t do forall k: place_t do
  holds(skb[r][k]) -> (!isundefined(rb[r]) & buf[rb[r]] = b_inflight) end end;
invariant "idle-clean" forall r: req_t do pc[r] = p_idle -> (!got[r] & ref[r] = 0) end;
invariant "err-no-more" forall r: req_t do pc[r] = p_errposted -> !got[r] end;
invariant "tw-zero" forall r: req_t do (pc[r] = p_tw | pc[r] = p_notifposted) -> ref[r] = 0 end;
invariant "one-more" used > 0 & kind[0] = c_more -> !got[whose[0]];
invariant "notif-after-more" used > 0 & kind[0] = c_notif -> got[whose[0]];
