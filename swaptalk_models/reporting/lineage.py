"""The lineage as inline SVG: from the catalogue down to the release, one row a layer.

A small layered layout after Sugiyama, Tagawa and Toda, 1981: layers by longest path, order and place by the mean of the
neighbours. An asset that is used further down sends one trunk past the rows between, from which its users branch off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from swaptalk_models.reporting.report_data import LineageNode

BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 158, 42, 16, 34, 8
_TRUNK_WIDTH = 4
_SWEEPS = 12


@dataclass(eq=False)
class _Item:
    """A box, or a piece of trunk (without a node), in one layer."""

    layer: int
    node: LineageNode | None = None
    above: list[_Item] = field(default_factory=list)
    below: list[_Item] = field(default_factory=list)
    x: float = 0.0  # of the middle

    @property
    def width(self) -> int:
        return BOX_WIDTH if self.node else _TRUNK_WIDTH

    @property
    def top(self) -> float:
        return MARGIN + self.layer * (BOX_HEIGHT + GAP_Y)


def lineage_svg(nodes: Sequence[LineageNode]) -> Markup:
    """The graph of assets. Names in `upstream` that are no node are ignored. ValueError: the lineage has a cycle."""
    if not nodes:
        return Markup("")
    layers = _layers(nodes)
    _place(layers)
    items = [item for layer in layers for item in layer]
    left = min(item.x - item.width / 2 for item in items) - MARGIN
    width = max(item.x + item.width / 2 for item in items) + MARGIN - left
    height = 2 * MARGIN + len(layers) * BOX_HEIGHT + (len(layers) - 1) * GAP_Y
    groups = list(dict.fromkeys(node.group for node in nodes))
    head = (
        '<svg class="lineage" viewBox="{:.0f} 0 {:.0f} {}" width="{:.0f}" role="img" aria-label="Lineage: {} assets">'
    )
    parts = [Markup(head).format(left, width, height, width, len(nodes))]
    for item in items:
        if item.node is None:
            parts.append(Markup('<path class="edge" d="M{:.0f},{:.0f} v{}"/>').format(item.x, item.top, BOX_HEIGHT))
        parts += [_edge(item, below) for below in item.below]
    parts += [_box(item, groups.index(item.node.group) % 9) for item in items if item.node]
    return Markup("").join(parts) + Markup("</svg>")


def _layers(nodes: Sequence[LineageNode]) -> list[list[_Item]]:
    """Boxes and trunks by the longest way from a root, linked to the layers above and below."""
    by_name = {node.name: node for node in nodes}
    depth: dict[str, int] = {}

    def find_depth(name: str, path: tuple[str, ...]) -> int:
        if name in path:
            raise ValueError(f"the lineage has a cycle at {name}")
        if name not in depth:
            above = [up for up in by_name[name].upstream if up in by_name]
            depth[name] = 1 + max((find_depth(up, (*path, name)) for up in above), default=-1)
        return depth[name]

    for node in nodes:
        find_depth(node.name, ())
    layers: list[list[_Item]] = [[] for _ in range(max(depth.values()) + 1)]
    boxes = {node.name: _Item(depth[node.name], node) for node in nodes}
    for box in boxes.values():
        layers[box.layer].append(box)
    for name, box in boxes.items():
        users = [boxes[node.name] for node in nodes if name in node.upstream]
        end = box
        for layer in range(box.layer + 1, max((user.layer for user in users), default=0) + 1):
            for user in users:
                if user.layer == layer:
                    _link(end, user)
            if any(user.layer > layer for user in users):
                trunk = _Item(layer)
                layers[layer].append(trunk)
                _link(end, trunk)
                end = trunk
    return layers


def _link(above: _Item, below: _Item) -> None:
    above.below.append(below)
    below.above.append(above)


def _place(layers: list[list[_Item]]) -> None:
    """Sets every x: sweeps down and up, each layer drawn to its neighbours' mean, in that order and without overlap."""
    for layer in layers:
        for order, item in enumerate(layer):
            item.x = (order - (len(layer) - 1) / 2) * BOX_WIDTH
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            wanted = {id(item): _wanted(item, item.above if down else item.below) for item in layer}
            layer.sort(key=lambda item: wanted[id(item)])
            for item, before in zip(layer, [None, *layer[:-1]], strict=True):
                item.x = wanted[id(item)]
                if before is not None:
                    item.x = max(item.x, before.x + (before.width + item.width) / 2 + GAP_X)
            drift = sum(wanted[id(item)] - item.x for item in layer) / len(layer)
            for item in layer:
                item.x += drift


def _wanted(item: _Item, neighbours: list[_Item]) -> float:
    return sum(other.x for other in neighbours) / len(neighbours) if neighbours else item.x


def _edge(above: _Item, below: _Item) -> Markup:
    y0, y1 = above.top + BOX_HEIGHT, below.top
    return Markup('<path class="edge" d="M{:.0f},{:.0f} C{:.0f},{:.0f} {:.0f},{:.0f} {:.0f},{:.0f}"/>').format(
        above.x, y0, above.x, y0 + GAP_Y * 0.6, below.x, y1 - GAP_Y * 0.6, below.x, y1
    )


def _box(item: _Item, colour: int) -> Markup:
    node, x, y = item.node, item.x - BOX_WIDTH / 2, item.top
    assert node is not None
    detail = node.detail if len(node.detail) <= 26 else node.detail[:25] + "…"
    box = Markup(
        '<g><title>{title}</title><rect class="box" x="{x:.0f}" y="{y:.0f}" width="{w}" height="{h}" rx="7"/>'
        '<rect class="g{colour}" x="{x:.0f}" y="{y:.0f}" width="5" height="{h}" rx="2.5"/>'
        '<text class="name" x="{tx:.0f}" y="{ny:.0f}">{name}</text>'
    ).format(
        title=f"{node.name} ({node.group}) {node.detail}".strip(), x=x, y=y, w=BOX_WIDTH, h=BOX_HEIGHT, colour=colour,
        tx=x + 13, ny=y + (18 if detail else 26), name=node.name,
    )  # fmt: skip
    if detail:
        box += Markup('<text class="detail" x="{:.0f}" y="{:.0f}">{}</text>').format(x + 13, y + 33, detail)
    return box + Markup("</g>")
