// Portkey's gateway listens on every address and has no option for it; a benchmark must not.
const { Server } = require("node:net");
const listen = Server.prototype.listen;
Server.prototype.listen = function (port, ...rest) {
  return listen.call(this, port, "127.0.0.1", rest.find((one) => typeof one === "function"));
};
