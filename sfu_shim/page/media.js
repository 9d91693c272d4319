// What we send: camera and microphone, or a drawn picture and silence, for which nobody has to be asked.

const WIDTH = 640;
const HEIGHT = 360;
const FRAMES_PER_SECOND = 20;

// {stream, source, stop}: `source` is "camera" or "canvas". A camera that can't be had gives way to the canvas; `why` says so.
export async function openMedia(camera, name) {
  let why = "";
  if (camera) {
    try {
      return await fromCamera();
    } catch (error) {
      why = reason(error);
    }
  }
  return { ...(await fromCanvas(name)), why };
}

function reason(error) {
  if (error.name === "NotAllowedError") return "the camera was not allowed";
  if (error.name === "NotFoundError") return "there is no camera or microphone";
  return error.message;
}

async function fromCamera() {
  if (!navigator.mediaDevices) throw new Error("the browser gives the camera to https:// and localhost pages only");
  const wanted = { audio: true, video: { width: WIDTH, height: HEIGHT, frameRate: { ideal: 30 } } };
  const stream = await navigator.mediaDevices.getUserMedia(wanted);
  return { stream, source: "camera", why: "", stop: () => stream.getTracks().forEach((track) => track.stop()) };
}

// Whether a page may make a sound (and so send silence) before somebody has touched it.
export async function mayBegin() {
  const context = new AudioContext();
  const running = await within(context.resume(), 500);
  context.close();
  return running;
}

const within = (promise, milliseconds) =>
  Promise.race([promise.then(() => true), new Promise((resolve) => setTimeout(() => resolve(false), milliseconds))]);

async function fromCanvas(name) {
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  const pen = canvas.getContext("2d");
  let count = 0;
  const timer = setInterval(() => draw(pen, name, count++), 1000 / FRAMES_PER_SECOND);
  draw(pen, name, count++);
  const sound = new AudioContext();
  await within(sound.resume(), 500);
  const silence = sound.createConstantSource();
  const out = sound.createMediaStreamDestination();
  silence.offset.value = 0;
  silence.connect(out);
  silence.start();
  const stream = new MediaStream([...out.stream.getAudioTracks(), ...canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks()]);
  const stop = () => {
    clearInterval(timer);
    stream.getTracks().forEach((track) => track.stop());
    sound.close();
  };
  return { stream, source: "canvas", stop };
}

// A clock, a name, and something that moves, so that a freeze can be seen.
function draw(pen, name, count) {
  pen.fillStyle = "#16324f";
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  const turn = (count / FRAMES_PER_SECOND) * Math.PI;
  for (let ring = 0; ring < 5; ring++) {
    pen.beginPath();
    pen.strokeStyle = ["#56b4e9", "#6fd6b3", "#f0e442", "#f0a04b", "#cc79a7"][ring];
    pen.lineWidth = 10;
    pen.arc(WIDTH / 2, 150, 110 - ring * 18, turn * (1 + ring / 4), turn * (1 + ring / 4) + 4);
    pen.stroke();
  }
  pen.fillStyle = "#ffffff";
  pen.textAlign = "center";
  pen.font = "600 30px system-ui, sans-serif";
  pen.fillText(name.slice(0, 30), WIDTH / 2, 305);
  pen.font = "20px system-ui, sans-serif";
  pen.fillText(new Date().toLocaleTimeString([], { hour12: false }), WIDTH / 2, 337);
}
