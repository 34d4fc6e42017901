"""Functions that an emitted source defines where a layer has no single PyTorch call."""

from trimaran.backends.torch import attention_source

HELPERS = {
    **attention_source.HELPERS,
    "average_pool": '''def average_pool(x, kernel, stride, pads):
    """Average pooling that leaves uneven padding out of the mean."""
    pool = F.avg_pool2d if len(kernel) == 2 else F.avg_pool1d
    ones = F.pad(torch.ones_like(x[:1, :1]), pads)
    return pool(F.pad(x, pads), kernel, stride) / pool(ones, kernel, stride)''',
    "both_ways": '''def both_ways(run, rnn, x, count, last=False):
    """A bidirectional module over padded rows: the way back starts at each row's last step."""
    steps = torch.arange(x.shape[1], device=x.device)
    count = count.clamp(min=1)[:, None]
    turn = torch.where(steps < count, count - 1 - steps, steps)[..., None]
    zeros = x.new_zeros(1, len(x), rnn.hidden_size)
    begun = (zeros, zeros) if run is torch.lstm else zeros
    ways = []
    for weights, along in zip(rnn.all_weights, (x, x.take_along_dim(turn, 1))):
        way = run(along, begun, weights, rnn.bias, 1, 0.0, rnn.training, False, True)[0]
        ways.append(last_step(way, count[:, 0]) if last else way)
    if last:
        return torch.cat(ways, dim=-1)
    ways[1] = ways[1].take_along_dim(turn, 1)
    return zero_padding(torch.cat(ways, dim=-1), count[:, 0])''',
    "last_step": '''def last_step(x, count):
    """What stands at each row's last step before the padding."""
    last = (count - 1).clamp(min=0)
    return x[torch.arange(len(x), device=x.device), last]''',
    "one_bias": '''def one_bias(rnn):
    """Train one bias: the second, which is only added to it, stays 0."""
    for name, bias in rnn.named_parameters():
        if name.startswith("bias_hh"):
            nn.init.zeros_(bias).requires_grad_(False)
    return rnn''',
    "one_step": '''def one_step(cell, rnn, x, *states):
    """One step of a recurrent module by its cell, with far less around it: x, and the states."""
    after = cell(x[:, 0], states if len(states) > 1 else states[0], *rnn.all_weights[0])
    after = after if isinstance(after, tuple) else (after,)
    return (after[0][:, None], *after)''',
    "one_cell_step": '''def one_cell_step(cell, x, *states):
    """One step of a sequence by its cell: x, and the states."""
    after = cell(x[:, 0], states if len(states) > 1 else states[0])
    after = after if isinstance(after, tuple) else (after,)
    return (after[0][:, None], *after)''',
    "one_hot": '''def one_hot(module, x, depth):
    """Each number as a row with a 1 at its place, in the precision of the module's arrays."""
    like = next(module.parameters(), torch.empty(0))
    return F.one_hot(x.long(), depth).to(like.dtype)''',
    "over_steps": '''def over_steps(run, cell, x, states=None):
    """A cell over all steps of (batch, time, features), as a loop over time would call it, but in
    one call of the layer that has the same weights."""
    if states is None:
        zeros = x.new_zeros(1, len(x), cell.hidden_size)
        states = (zeros, zeros) if run is torch.lstm else zeros
    weights = list(cell.parameters())
    made, *after = run(x, states, weights, cell.bias, 1, 0.0, cell.training, False, True)
    return made, tuple(after) if len(after) > 1 else after[0]''',
    "packed": '''def packed(rnn, x, count, states=None):
    """A recurrent module over padded rows, with the states after each row's last step."""
    count = count.clamp(min=1).cpu()
    rows = nn.utils.rnn.pack_padded_sequence(x, count, batch_first=True, enforce_sorted=False)
    made, after = rnn(rows, states)
    whole = nn.utils.rnn.pad_packed_sequence(made, batch_first=True, total_length=x.shape[1])
    return whole[0], after''',
    "same_average": '''def same_average(x, kernel, stride):
    """Average pooling with "same" padding at any size, the padding left out of the mean."""
    pool = F.avg_pool2d if len(kernel) == 2 else F.avg_pool1d
    ones = same_pad(torch.ones_like(x[:1, :1]), kernel, stride, (1,) * len(kernel))
    padded = same_pad(x, kernel, stride, (1,) * len(kernel))
    return pool(padded, kernel, stride) / pool(ones, kernel, stride)''',
    "same_pad": '''def same_pad(x, kernel, stride, dilation, value=0.0):
    """Pad to ceil(size / stride) windows, the odd cell after the end."""
    pads = []
    for axis in range(len(kernel) - 1, -1, -1):
        size, k, s, d = x.shape[axis + 2], kernel[axis], stride[axis], dilation[axis]
        total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads, value=value)''',
    "step_mask": '''def step_mask(x, count):
    """(batch, time, 1): where rows hold data; a row of padding alone keeps its first step."""
    steps = torch.arange(x.shape[1], device=x.device)
    return (steps < count.clamp(min=1)[:, None])[..., None]''',
    "tap": '''def tap(module, name, x):
    """Hand a layer's output to whoever listens."""
    listen = getattr(module, "listen", None)
    return x if listen is None else listen(name, x)''',
    "with_states": '''def with_states(returned, last=False):
    """The sequence, or its last step, and the states after it, each (batch, units)."""
    x, states = returned
    each = states if isinstance(states, tuple) else (states,)
    after = [state[way] for way in range(len(each[0])) for state in each]
    return (torch.cat(tuple(each[0]), dim=-1) if last else x, *after)''',
    "zero_padding": '''def zero_padding(x, count):
    """The sequence with zeros behind each row's last step."""
    return torch.where(step_mask(x, count), x, 0.0)''',
    "mean_step": '''def mean_step(x, count):
    """The mean over the steps of each row that hold data, of (batch, time, channels)."""
    return torch.where(step_mask(x, count), x, 0.0).sum(1) / count.clamp(min=1)[:, None]''',
    "largest_step": '''def largest_step(x, count):
    """The largest entry over the steps of each row that hold data, of (batch, time, channels)."""
    return torch.where(step_mask(x, count), x, -torch.inf).amax(1)''',
}
