/* A spiking network simulator in C99 that answers a pack of golden vectors.

   cc -O2 -std=c99 -ffp-contract=off -o simulator simulator.c -lm
   ./simulator PACK ANSWERS

   It reads PACK/manifest.json and the .npy files that it names, takes the fully connected networks
   in float64, and writes into the new folder ANSWERS: spikes, membrane potentials, outputs, losses,
   errors, and the gradient and next state of OPZO. It assumes a little-endian machine. */

#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_LAYERS 8
#define MOST_PATH 1024

static void fail(const char *what, const char *where)
{
    fprintf(stderr, "error: %s: %s\n", where, what);
    exit(2);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        fail("out of memory", "allocate");
    return memory;
}

static void join(char *target, const char *folder, const char *path)
{
    if (snprintf(target, MOST_PATH, "%s/%s", folder, path) >= MOST_PATH)
        fail("path too long", path);
}

static char *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail(strerror(errno), path);
    size_t size = 0, room = 1 << 16;
    char *data = allocate(room + 1, 1);
    for (size_t got; (got = fread(data + size, 1, room - size, file)) > 0;) {
        size += got;
        if (size == room) {
            data = realloc(data, 2 * room + 1);
            if (!data)
                fail("out of memory", path);
            room *= 2;
        }
    }
    fclose(file);
    data[size] = 0;
    *length = size;
    return data;
}

/* ---- JSON: a tree of values; strings without escapes, as the manifest's names are ---- */

typedef struct Json {
    char kind; /* one of { [ " 0 t f n */
    double number;
    char *text;
    size_t count;
    char **keys;
    struct Json **items;
} Json;

static void skip(const char **at)
{
    while (**at && strchr(" \t\r\n", **at))
        ++*at;
}

static char *json_string(const char **at)
{
    const char *start = ++*at;
    while (**at && **at != '"')
        *at += **at == '\\' && (*at)[1] ? 2 : 1;
    if (!**at)
        fail("a string has no end", "manifest.json");
    size_t length = (size_t)(*at - start);
    char *text = allocate(length + 1, 1);
    memcpy(text, start, length);
    ++*at;
    return text;
}

static Json *json_value(const char **at, int depth);

static void json_items(Json *value, const char **at, int depth)
{
    char end = value->kind == '{' ? '}' : ']';
    ++*at;
    for (skip(at); **at != end; skip(at)) {
        value->keys = realloc(value->keys, (value->count + 1) * sizeof *value->keys);
        value->items = realloc(value->items, (value->count + 1) * sizeof *value->items);
        if (!value->keys || !value->items)
            fail("out of memory", "manifest.json");
        value->keys[value->count] = NULL;
        if (end == '}') {
            if (**at != '"')
                fail("a key is missing", "manifest.json");
            value->keys[value->count] = json_string(at);
            skip(at);
            if (**at != ':')
                fail("a colon is missing", "manifest.json");
            ++*at;
        }
        value->items[value->count++] = json_value(at, depth + 1);
        skip(at);
        if (**at == ',')
            ++*at;
        else if (**at != end)
            fail("a comma is missing", "manifest.json");
    }
    ++*at;
}

static Json *json_value(const char **at, int depth)
{
    Json *value = allocate(1, sizeof *value);
    skip(at);
    if (depth > 32)
        fail("nested too deep", "manifest.json");
    value->kind = **at;
    if (**at == '{' || **at == '[') {
        json_items(value, at, depth);
    } else if (**at == '"') {
        value->text = json_string(at);
    } else if (**at == 't' || **at == 'f' || **at == 'n') {
        while (**at >= 'a' && **at <= 'z')
            ++*at;
    } else {
        char *end;
        value->kind = '0';
        value->number = strtod(*at, &end);
        if (end == *at)
            fail("not JSON", "manifest.json");
        *at = end;
    }
    return value;
}

static Json *find(const Json *object, const char *key)
{
    for (size_t i = 0; object && i < object->count; ++i)
        if (object->keys[i] && strcmp(object->keys[i], key) == 0)
            return object->items[i];
    return NULL;
}

static Json *get(const Json *object, const char *key)
{
    Json *found = find(object, key);
    if (!found)
        fail("missing in manifest.json", key);
    return found;
}

static double number(const Json *object, const char *key)
{
    Json *found = get(object, key);
    if (found->kind != '0')
        fail("not a number in manifest.json", key);
    return found->number;
}

static const char *text(const Json *object, const char *key)
{
    Json *found = get(object, key);
    if (found->kind != '"')
        fail("not a string in manifest.json", key);
    return found->text;
}

/* ---- .npy: version 1.0, little-endian, C order ---- */

static void *read_npy(const char *folder, const char *path, const char *descr, size_t count)
{
    char whole[MOST_PATH], wanted[32];
    size_t length;
    join(whole, folder, path);
    char *data = read_file(whole, &length);
    if (length < 10 || memcmp(data, "\x93NUMPY\x01\x00", 8) != 0)
        fail("not a .npy file of version 1.0", path);
    size_t header = (unsigned char)data[8] + 256u * (unsigned char)data[9];
    if (length != 10 + header + 8 * count)
        fail("another size than expected", path);
    char *told = allocate(header + 1, 1);
    memcpy(told, data + 10, header);
    snprintf(wanted, sizeof wanted, "'descr': '%s'", descr);
    if (!strstr(told, wanted) || !strstr(told, "'fortran_order': False"))
        fail("another dtype or order than expected", path);
    void *array = allocate(count, 8);
    memcpy(array, data + 10 + header, 8 * count);
    free(told);
    free(data);
    return array;
}

static double *read_doubles(const char *folder, const char *path, size_t count)
{
    return read_npy(folder, path, "<f8", count);
}

static void write_npy(const char *folder, const char *path, const char *descr, const void *array,
                      int axes, const size_t *shape)
{
    char whole[MOST_PATH], header[256], sizes[128] = "";
    size_t count = 1;
    join(whole, folder, path);
    for (char *slash = whole + strlen(folder) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = 0;
        if (mkdir(whole, 0777) != 0 && errno != EEXIST)
            fail(strerror(errno), whole);
    }
    for (int i = 0; i < axes; ++i) {
        count *= shape[i];
        snprintf(sizes + strlen(sizes), sizeof sizes - strlen(sizes), "%zu, ", shape[i]);
    }
    int used = snprintf(header, sizeof header,
                        "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, sizes);
    int total = (10 + used + 1 + 63) / 64 * 64 - 10;
    FILE *file = fopen(whole, "wb");
    if (!file)
        fail(strerror(errno), whole);
    fwrite("\x93NUMPY\x01\x00", 1, 8, file);
    fputc(total & 255, file);
    fputc(total >> 8, file);
    fprintf(file, "%s%*s\n", header, total - used - 1, "");
    fwrite(array, 8, count, file);
    if (fclose(file) != 0)
        fail("could not be written", whole);
}

/* ---- the network ---- */

typedef struct {
    size_t inputs, units;
    const char *linear, *neurons; /* names of the weights and of the spiking layer */
    double *weight, *bias;
} Layer;

typedef struct {
    Layer layers[MOST_LAYERS]; /* the hidden ones, then the readout */
    size_t hidden, steps, samples, inputs, classes;
    double leak, threshold, scale, mse_weight;
    int hard_reset;
    double *input;
    int64_t *target;
} Network;

/* What a pass leaves: (T, B, n) of each layer. */
typedef struct {
    double *membrane[MOST_LAYERS], *outputs, *losses, *errors;
    int64_t *spikes[MOST_LAYERS];
} Trace;

static void load_layers(Network *net, const char *pack, const Json *entry, const Json *params)
{
    const Json *layers = get(entry, "layers");
    size_t count = 0;
    char name[MOST_PATH];
    for (size_t i = 0; i < layers->count; i += 2, ++count) {
        Layer *layer = &net->layers[count];
        if (count == MOST_LAYERS)
            fail("too many layers", "network");
        layer->linear = text(layers->items[i], "name");
        layer->inputs = (size_t)number(layers->items[i], "inputs");
        layer->units = (size_t)number(layers->items[i], "outputs");
        layer->neurons = i + 1 < layers->count ? text(layers->items[i + 1], "name") : NULL;
        snprintf(name, sizeof name, "%s.weight", layer->linear);
        layer->weight = read_doubles(pack, text(params, name), layer->units * layer->inputs);
        snprintf(name, sizeof name, "%s.bias", layer->linear);
        layer->bias = read_doubles(pack, text(params, name), layer->units);
    }
    net->hidden = count - 1;
    net->inputs = net->layers[0].inputs;
    net->classes = net->layers[count - 1].units;
}

static Network load(const char *pack, const Json *item, size_t samples)
{
    Network net = {0};
    const Json *entry = get(item, "network");
    net.steps = (size_t)number(entry, "steps");
    net.leak = number(entry, "leak");
    net.threshold = number(entry, "threshold");
    net.scale = number(entry, "surrogate_scale");
    net.mse_weight = number(entry, "mse_weight");
    net.hard_reset = strcmp(text(entry, "reset"), "hard") == 0;
    net.samples = samples;
    load_layers(&net, pack, entry, get(item, "params"));
    net.input = read_doubles(pack, text(item, "inputs"), samples * net.inputs);
    net.target = read_npy(pack, text(item, "targets"), "<i8", samples);
    return net;
}

/* L = ((1 - mu) CE(o, y) + mu MSE(o, y)) / T, and its derivative e by o */
static double loss(const Network *net, const double *o, int64_t target, double *e)
{
    size_t m = net->classes;
    double highest = o[0], sum = 0, squares = 0, mu = net->mse_weight;
    for (size_t i = 1; i < m; ++i)
        highest = o[i] > highest ? o[i] : highest;
    for (size_t i = 0; i < m; ++i)
        sum += exp(o[i] - highest);
    for (size_t i = 0; i < m; ++i) {
        double y = (int64_t)i == target, apart = o[i] - y;
        squares += apart * apart / m;
        e[i] = ((1 - mu) * (exp(o[i] - highest) / sum - y) + mu * 2 * apart / m) / net->steps;
    }
    return ((1 - mu) * (log(sum) + highest - o[target]) + mu * squares) / net->steps;
}

static void current(const Layer *layer, const double *received, double *result)
{
    for (size_t i = 0; i < layer->units; ++i) {
        result[i] = layer->bias[i];
        for (size_t j = 0; j < layer->inputs; ++j)
            result[i] += layer->weight[i * layer->inputs + j] * received[j];
    }
}

static Trace new_trace(const Network *net)
{
    Trace trace;
    size_t rows = net->steps * net->samples;
    for (size_t l = 0; l < net->hidden; ++l) {
        trace.membrane[l] = allocate(rows * net->layers[l].units, sizeof(double));
        trace.spikes[l] = allocate(rows * net->layers[l].units, sizeof(int64_t));
    }
    trace.outputs = allocate(rows * net->classes, sizeof(double));
    trace.errors = allocate(rows * net->classes, sizeof(double));
    trace.losses = allocate(rows, sizeof(double));
    return trace;
}

/* One layer at step t: u = leak (u - V s) + I, or leak u (1 - s) + I; s = 1 where u >= V. */
static void advance(const Network *net, Trace *trace, size_t l, size_t t, size_t b)
{
    size_t units = net->layers[l].units, row = (t * net->samples + b) * units;
    size_t before = ((t - 1) * net->samples + b) * units;
    for (size_t i = 0; i < units; ++i) {
        double *u = &trace->membrane[l][row + i]; /* holds the current */
        if (t > 0) {
            double old = trace->membrane[l][before + i];
            int64_t fired = trace->spikes[l][before + i];
            if (net->hard_reset)
                old = fired ? 0.0 : old;
            else
                old -= net->threshold * (double)fired;
            *u += net->leak * old;
        }
        trace->spikes[l][row + i] = *u >= net->threshold;
    }
}

/* A pass; the next layer receives s + alpha z where there is noise. */
static Trace run(const Network *net, double **noise, double alpha)
{
    Trace trace = new_trace(net);
    size_t widest = net->inputs;
    for (size_t l = 0; l <= net->hidden; ++l)
        widest = net->layers[l].units > widest ? net->layers[l].units : widest;
    double *received = allocate(widest, sizeof(double));
    for (size_t t = 0; t < net->steps; ++t)
        for (size_t b = 0; b < net->samples; ++b) {
            size_t row = t * net->samples + b;
            memcpy(received, net->input + b * net->inputs, net->inputs * sizeof(double));
            for (size_t l = 0; l < net->hidden; ++l) {
                size_t units = net->layers[l].units;
                current(&net->layers[l], received, trace.membrane[l] + row * units);
                advance(net, &trace, l, t, b);
                for (size_t i = 0; i < units; ++i)
                    received[i] = (double)trace.spikes[l][row * units + i] +
                                  (noise ? alpha * noise[l][row * units + i] : 0.0);
            }
            double *o = trace.outputs + row * net->classes;
            current(&net->layers[net->hidden], received, o);
            trace.losses[row] =
                loss(net, o, net->target[b], trace.errors + row * net->classes);
        }
    free(received);
    return trace;
}

/* ---- answers ---- */

static void answer(const char *folder, const Json *paths, const char *name, const double *array,
                   int axes, size_t first, size_t second, size_t third)
{
    size_t shape[] = {first, second, third};
    write_npy(folder, text(paths, name), "<f8", array, axes, shape);
}

static void answer_forward(const char *folder, const Json *item, const Network *net)
{
    Trace trace = run(net, NULL, 0.0);
    size_t T = net->steps, B = net->samples;
    for (size_t l = 0; l < net->hidden; ++l) {
        const char *name = net->layers[l].neurons;
        size_t shape[] = {T, B, net->layers[l].units};
        write_npy(folder, text(get(item, "spikes"), name), "<i8", trace.spikes[l], 3, shape);
        answer(folder, get(item, "membrane"), name, trace.membrane[l], 3, T, B, shape[2]);
    }
    answer(folder, item, "outputs", trace.outputs, 3, T, B, net->classes);
    answer(folder, item, "errors", trace.errors, 3, T, B, net->classes);
    answer(folder, item, "losses", trace.losses, 2, T, B, 0);
}

/* psi(u) = k sig (1 - sig) of k (u - V) */
static double surrogate(const Network *net, double u)
{
    double decay = exp(-fabs(net->scale * (u - net->threshold)));
    return net->scale * decay / ((1 + decay) * (1 + decay));
}

/* Add one step of one sample: dW += delta a^T / B, db += delta c / B. */
static void add_step(const Network *net, const Layer *layer, const double *delta, const double *a,
                     double c, double *weight, double *bias)
{
    for (size_t i = 0; i < layer->units; ++i) {
        bias[i] += delta[i] * c / net->samples;
        for (size_t j = 0; j < layer->inputs; ++j)
            weight[i * layer->inputs + j] += delta[i] * a[j] / net->samples;
    }
}

/* The online rule: eligibility traces a[t] = leak a[t-1] + x[t] of the input without noise, and of
   the constant 1 for the bias; the readout, without memory, takes its input itself. The signal is
   g = M e, with M / (1 - lambda^k) after k updates. */
static void layer_gradient(const Network *net, const Trace *trace, size_t l, const double *matrix,
                           double correction, double *weight, double *bias)
{
    const Layer *layer = &net->layers[l];
    int memory = l < net->hidden;
    double *a = allocate(layer->inputs, sizeof(double));
    double *delta = allocate(layer->units, sizeof(double));
    for (size_t b = 0; b < net->samples; ++b) {
        double c = 0;
        memset(a, 0, layer->inputs * sizeof(double));
        for (size_t t = 0; t < net->steps; ++t) {
            size_t row = t * net->samples + b;
            const double *e = trace->errors + row * net->classes;
            for (size_t j = 0; j < layer->inputs; ++j) {
                double x = l ? (double)trace->spikes[l - 1][row * layer->inputs + j]
                             : net->input[b * net->inputs + j];
                a[j] = (memory ? net->leak * a[j] : 0.0) + x;
            }
            c = (memory ? net->leak * c : 0.0) + 1;
            for (size_t i = 0; i < layer->units; ++i) {
                double signal = memory ? 0.0 : e[i];
                for (size_t k = 0; memory && k < net->classes; ++k)
                    signal += matrix[i * net->classes + k] / correction * e[k];
                double u = memory ? trace->membrane[l][row * layer->units + i] : 0.0;
                delta[i] = memory ? surrogate(net, u) * signal : signal;
            }
            add_step(net, layer, delta, a, c, weight, bias);
        }
    }
    free(a);
    free(delta);
}

/* M <- lambda M + (1 - lambda) Z, Z the mean over samples and steps of z o^T / alpha */
static void learn(const Network *net, const Trace *trace, size_t l, const double *noise,
                  double alpha, double momentum, double *matrix)
{
    size_t rows = net->steps * net->samples, units = net->layers[l].units, m = net->classes;
    for (size_t i = 0; i < units; ++i)
        for (size_t k = 0; k < m; ++k) {
            double sum = 0;
            for (size_t row = 0; row < rows; ++row)
                sum += noise[row * units + i] * trace->outputs[row * m + k];
            matrix[i * m + k] =
                momentum * matrix[i * m + k] + (1 - momentum) * sum / (rows * alpha);
        }
}

static void answer_opzo(const char *pack, const char *folder, const Json *item, const Json *method,
                        const Network *net)
{
    const Json *options = get(method, "options"), *gradient = get(method, "gradient");
    const Json *state = get(method, "state"), *after = get(method, "state_after");
    const Json *given = get(get(item, "noise"), text(method, "noise"));
    double alpha = number(method, "scale"), momentum = number(options, "momentum");
    double *noise[MOST_LAYERS], *matrix = NULL;
    for (size_t l = 0; l < net->hidden; ++l)
        noise[l] = read_doubles(pack, text(given, net->layers[l].neurons),
                                net->steps * net->samples * net->layers[l].units);
    double *updates = read_doubles(pack, text(state, "updates"), 1);
    double correction = 1 - pow(momentum, updates[0]);
    Trace trace = run(net, noise, alpha);
    for (size_t l = 0; l <= net->hidden; ++l) {
        const Layer *layer = &net->layers[l];
        char name[MOST_PATH];
        double *weight = allocate(layer->units * layer->inputs, sizeof(double));
        double *bias = allocate(layer->units, sizeof(double));
        if (l < net->hidden)
            matrix = read_doubles(pack, text(state, layer->neurons), layer->units * net->classes);
        layer_gradient(net, &trace, l, matrix, correction, weight, bias);
        snprintf(name, sizeof name, "%s.weight", layer->linear);
        answer(folder, gradient, name, weight, 2, layer->units, layer->inputs, 0);
        snprintf(name, sizeof name, "%s.bias", layer->linear);
        answer(folder, gradient, name, bias, 1, layer->units, 0, 0);
        if (l == net->hidden)
            break;
        learn(net, &trace, l, noise[l], alpha, momentum, matrix);
        answer(folder, after, layer->neurons, matrix, 2, layer->units, net->classes, 0);
    }
    *updates += 1;
    answer(folder, after, "updates", updates, 0, 0, 0, 0);
}

/* ---- the pack ---- */

static int fully_connected_float64(const Json *item)
{
    const Json *layers = get(get(item, "network"), "layers");
    const char *name = text(item, "name"), *slash = strrchr(name, '/');
    if (!slash || strcmp(slash, "/float64") != 0 || layers->count % 2 == 0)
        return 0;
    for (size_t i = 0; i < layers->count; ++i)
        if (strcmp(text(layers->items[i], "type"), i % 2 ? "spiking" : "linear") != 0)
            return 0;
    return 1;
}

static size_t samples_of(const Json *manifest, const char *path)
{
    const Json *files = get(manifest, "files");
    for (size_t i = 0; i < files->count; ++i)
        if (strcmp(text(files->items[i], "path"), path) == 0)
            return (size_t)get(files->items[i], "shape")->items[0]->number;
    fail("not among the files of manifest.json", path);
    return 0;
}

static void write_manifest(const char *folder, const char *checksum)
{
    char whole[MOST_PATH];
    join(whole, folder, "manifest.json");
    FILE *file = fopen(whole, "w");
    if (!file)
        fail(strerror(errno), whole);
    fprintf(file, "{\"format\": \"gradassay-golden-answers\", \"schema_version\": 1,\n");
    fprintf(file, " \"pack\": \"%s\", \"made_by\": \"simulator.c\"}\n", checksum);
    if (fclose(file) != 0)
        fail("could not be written", whole);
}

int main(int count, char **arguments)
{
    if (count != 3)
        fail("simulator PACK ANSWERS", "usage");
    const char *pack = arguments[1], *answers = arguments[2];
    char whole[MOST_PATH];
    size_t length;
    join(whole, pack, "manifest.json");
    const char *at = read_file(whole, &length);
    const Json *manifest = json_value(&at, 0), *cases = get(manifest, "cases");
    if (number(manifest, "schema_version") != 1)
        fail("another schema version than 1", whole);
    if (mkdir(answers, 0777) != 0)
        fail(strerror(errno), answers);
    for (size_t i = 0; i < cases->count; ++i) {
        const Json *item = cases->items[i], *methods = get(item, "methods");
        if (!fully_connected_float64(item))
            continue;
        Network net = load(pack, item, samples_of(manifest, text(item, "targets")));
        answer_forward(answers, item, &net);
        for (size_t j = 0; j < methods->count; ++j)
            if (strcmp(text(methods->items[j], "name"), "opzo") == 0)
                answer_opzo(pack, answers, item, methods->items[j], &net);
    }
    write_manifest(answers, text(manifest, "checksum"));
    return 0;
}
