// One tile per participant: picture, name, figures. A tile may be fed by two paths at once while the meeting moves; it shows one.

export class Tiles {
  // `onGap(participant, seconds)` hears the time from each shown picture to the next.
  constructor(container, { onGap, onSilenced }) {
    this.container = container;
    this.tiles = new Map();
    this.onGap = onGap;
    this.onSilenced = onSilenced; // the browser wants a click before it makes a sound
  }

  get(participant) {
    let tile = this.tiles.get(participant);
    if (!tile) {
      tile = new Tile(participant, this);
      this.tiles.set(participant, tile);
      this.container.append(tile.element);
    }
    return tile;
  }

  remove(participant) {
    this.tiles.get(participant)?.close();
    this.tiles.delete(participant);
  }

  clear() {
    for (const participant of [...this.tiles.keys()]) this.remove(participant);
  }

  // Every tile shows the path of the room's topology once a picture came on it, and stays where it is until then.
  arrange(topology) {
    for (const tile of this.tiles.values()) tile.arrange(topology);
  }

  pathGone(id) {
    for (const tile of this.tiles.values()) tile.drop(id);
  }

  hear() {
    for (const tile of this.tiles.values()) tile.hear();
  }
}

const make = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });

class Tile {
  constructor(participant, tiles) {
    this.participant = participant;
    this.tiles = tiles;
    this.feeds = new Map(); // path id -> Feed
    this.shown = null; // the path id
    this.element = make("article", "tile");
    this.element.dataset.participant = participant;
    this.stage = make("div", "stage");
    this.label = make("span", "name", participant);
    this.badge = make("span", "badge");
    this.empty = make("span", "waiting", "no media yet");
    this.stage.append(this.empty, this.label, this.badge);
    this.table = make("dl", "figures");
    this.element.append(this.stage, this.table);
  }

  name(text) {
    this.label.textContent = text;
    this.label.title = this.participant;
  }

  // Our own picture: no path, no sound.
  own(stream) {
    const feed = new Feed("own", this);
    this.element.classList.add("own");
    for (const track of stream.getVideoTracks()) feed.add(track);
    this.feeds.set("own", feed);
    this._show("own");
  }

  track(path, track) {
    let feed = this.feeds.get(path.id);
    if (!feed) this.feeds.set(path.id, (feed = new Feed(path.kind, this)));
    feed.add(track);
    if (this.shown === null) this._show(path.id);
  }

  arrange(topology) {
    for (const [id, feed] of this.feeds) if (feed.kind === topology && feed.live) this._show(id);
  }

  drop(id) {
    this.feeds.get(id)?.close();
    this.feeds.delete(id);
    if (this.shown !== id) return;
    this.shown = null;
    const next = [...this.feeds.keys()].pop();
    if (next !== undefined) this._show(next);
    else this.badge.textContent = "";
  }

  hear() {
    this.feeds.get(this.shown)?.hear();
  }

  // `rows`: [label, value, title]
  figures(rows) {
    this.table.replaceChildren(
      ...rows.map(([label, value, title]) => {
        const row = make("div", "figure");
        row.title = title;
        row.append(make("dt", "", label), make("dd", "", value));
        return row;
      }),
    );
  }

  close() {
    for (const id of [...this.feeds.keys()]) this.drop(id);
    this.element.remove();
  }

  _show(id) {
    if (this.shown === id) return;
    this.shown = id;
    for (const [each, feed] of this.feeds) feed.show(each === id);
    const { kind } = this.feeds.get(id);
    this.badge.textContent = { p2p: "P2P", sfu: "SFU", own: "you" }[kind];
    this.badge.dataset.kind = kind;
  }
}

// The media of one participant on one path.
class Feed {
  constructor(kind, tile) {
    this.kind = kind;
    this.tile = tile;
    this.live = false; // a picture came
    this.video = Object.assign(make("video", "picture"), { autoplay: true, muted: true, playsInline: true });
    this.sound = null;
    this.visible = false;
    this.video.addEventListener("loadeddata", () => this._alive());
    tile.stage.prepend(this.video);
  }

  add(track) {
    if (track.kind === "video") {
      this.video.srcObject = new MediaStream([track]);
      this._count();
    } else {
      this.sound = Object.assign(new Audio(), { muted: !this.visible, srcObject: new MediaStream([track]) });
      this.hear();
    }
  }

  show(visible) {
    this.visible = visible;
    this.last = null;
    this.video.classList.toggle("shown", visible);
    if (this.sound) this.sound.muted = !visible;
  }

  hear() {
    this.sound?.play().catch((error) => {
      if (error.name === "NotAllowedError") this.tile.tiles.onSilenced();
    });
  }

  close() {
    this.closed = true;
    this.video.srcObject = null;
    this.video.remove();
    if (this.sound) this.sound.srcObject = null;
  }

  _alive() {
    this.live = true;
    if (this.kind !== "own") this.tile.tiles.onGap(this.tile.participant, null);
  }

  // Firefox before 132 has no such callback: then nothing is said about gaps.
  _count() {
    if (this.closed || !this.video.requestVideoFrameCallback) return;
    this.video.requestVideoFrameCallback((now) => {
      const { tile } = this;
      if (this.visible && this.kind !== "own") {
        // Of the tile, not of the feed: a gap across the switch is what a viewer sees.
        if (tile.last !== undefined && !document.hidden) tile.tiles.onGap(tile.participant, (now - tile.last) / 1000);
        tile.last = document.hidden ? undefined : now;
      }
      this._count();
    });
  }
}
