"""What a PyTorch source with attention defines."""

HELPERS = {
    "MultiHeadAttention": '''class MultiHeadAttention(nn.Module):
    """softmax(Q K^T / sqrt(d)) V in several heads, with the arrays of nn.MultiheadAttention."""

    def __init__(self, features, heads, key_dim=None, bias=True, causal=False, dropout=0.0):
        super().__init__()
        width = features if key_dim is None else heads * key_dim
        self.heads, self.causal, self.dropout = heads, causal, dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, features))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width)) if bias else None
        self.out_proj = nn.Linear(width, features, bias=bias)

    def forward(self, x, memory=None, keys=None):
        """Of x to memory, or to itself; `keys` (batch, time, 1) says which steps may be seen."""
        q, k, v = self.project(x, x if memory is None else memory)
        seen = None if keys is None else keys.mT[:, None]
        if self.causal and keys is not None:
            seen = seen & seen.new_ones(q.shape[2], k.shape[2]).tril()
        rate, causal = self.dropout if self.training else 0.0, self.causal and keys is None
        return self.join(F.scaled_dot_product_attention(q, k, v, seen, rate, causal))

    def project(self, x, memory, at=0):
        """Q of x, K and V of memory, each (batch, heads, time, d); x begins at step `at`."""
        bq = bias = bv = None
        if self.in_proj_bias is not None:  # K's adds the same to all scores: softmax takes it away
            bq, _, bv = self.in_proj_bias.chunk(3)
            bias = torch.cat((bq, torch.zeros_like(bq), bv))
        if memory is x:  # one product instead of three
            parts = F.linear(x, self.in_proj_weight, bias).chunk(3, dim=-1)
        else:
            wq, wk, wv = self.in_proj_weight.chunk(3)
            parts = F.linear(x, wq, bq), F.linear(memory, wk), F.linear(memory, wv, bv)
        return [self.split(part) for part in parts]

    def split(self, x):
        """(batch, time, width) -> (batch, heads, time, d)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def join(self, heads):
        """The heads side by side, (batch, time, features)."""
        return self.out_proj(heads.transpose(1, 2).flatten(2))''',
    "RotaryAttention": '''class RotaryAttention(MultiHeadAttention):
    """Attention to the own sequence whose queries and keys are turned by their positions."""

    def project(self, x, memory, at=0):
        parts = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        parts = parts.unflatten(-1, (3 * self.heads, -1)).transpose(1, 2)
        both, v = parts.split((2 * self.heads, self.heads), dim=1)
        q, k = turned(both, at).chunk(2, dim=1)
        return q, k, v''',
    "RowAttention": '''class RowAttention(MultiHeadAttention):
    """Attention of sequences beside each other, (batch, rows, time, features), each to itself."""

    def forward(self, x):
        return super().forward(x.flatten(0, 1)).unflatten(0, x.shape[:2])''',
    "one_position": '''def one_position(table, x, at):
    """One step and the row of its position."""
    return x + table(at.long()), at + 1''',
    "one_query": '''def one_query(attention, x, keys, values, at):
    """One step: its key and value take the oldest's place where all are filled, and its query
    sees all that are."""
    q, k, v = attention.project(x, x, at)
    place = (at.long() % keys.shape[1])[..., None].expand(-1, 1, keys.shape[2])
    keys = keys.scatter(1, place, k.reshape(place.shape))
    values = values.scatter(1, place, v.reshape(place.shape))
    seen = (torch.arange(keys.shape[1], device=x.device) <= at)[:, None, None]
    k, v = attention.split(keys), attention.split(values)
    y = attention.join(F.scaled_dot_product_attention(q, k, v, seen))
    return y, keys, values, at + 1''',
    "one_wave": '''def one_wave(x, longest, at):
    """One step with the sines of its position."""
    return x + waves(x, longest, at), at + 1''',
    "turned": '''def turned(x, at=0):
    """Rotary positions: features i and i + d/2 of step t turned by the angle t / 10000^(2i/d)."""
    half, time = x.shape[-1] // 2, x.shape[-2]
    exact = {"dtype": torch.promote_types(x.dtype, torch.float32), "device": x.device}
    steps = torch.arange(time, **exact) + at
    speeds = 10000.0 ** (-torch.arange(half, **exact) / half)
    angles = steps.reshape(-1, 1, time, 1) * speeds
    cos, sin = angles.cos().to(x), angles.sin().to(x)
    straight, crossed = torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)
    return torch.addcmul(x * straight, x.roll(half, dims=-1), crossed)''',
    "waves": '''def waves(x, longest, at=0):
    """Of step t, at feature j: sin or cos of t / longest^(2 (j // 2) / features), by turns."""
    exact = {"dtype": torch.promote_types(x.dtype, torch.float32), "device": x.device}
    features = torch.arange(x.shape[-1], **exact)
    speeds = longest ** (-2 * (features // 2) / x.shape[-1])
    angles = (torch.arange(x.shape[-2], **exact) + at)[..., None] * speeds
    return torch.where(features % 2 == 0, angles.sin(), angles.cos()).to(x)''',
}
